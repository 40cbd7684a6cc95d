//! Bad resources: refused by the API server, or told within a minute in a condition that names the remedy, while what
//! runs goes on running.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};

/// How long the operator may take to say what is wrong.
const TOLD: Duration = Duration::from_mins(1);
/// How long a first installation may take on the test machine.
const READY: Duration = Duration::from_mins(2);

#[tokio::test]
async fn e2e_the_api_server_refuses_what_the_schema_forbids() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "refused").await?;
    let good = platform.spec().await?;
    let cases: &[(&str, Value, &str)] = &[
        ("/imagee", json!({}), "imagee"),
        ("/image/tagg", json!("x"), "tagg"),
        ("/events/transport", json!("Pigeon"), "Pigeon"),
        ("/events/transport", json!("Memory"), "events"),
        ("/publicURL", json!("no address"), "publicURL"),
        ("/database", json!({}), "database"),
        // Each a second less than the sum of the other times as they are by default.
        (
            "/signing/publishLeadSeconds",
            json!(479),
            "signing.publishLeadSeconds must be at least",
        ),
        (
            "/signing/retentionSeconds",
            json!(1_079),
            "signing.retentionSeconds must be at least",
        ),
        (
            "/signing/rotationPeriodSeconds",
            json!(89_999),
            "signing.rotationPeriodSeconds must be at least",
        ),
    ];
    for (pointer, value, word) in cases {
        let spec = with(&good, pointer, value);
        let error = match platform.apply(&spec).await {
            Ok(_) => anyhow::bail!("{pointer} = {value} was accepted"),
            Err(error) => format!("{error:#}"),
        };
        ensure!(
            error.contains(word),
            "{pointer}: the refusal does not name {word}: {error}"
        );
    }
    cluster.delete_namespace(&platform.namespace).await
}

/// The spec with one value set (made where it is missing).
fn with(spec: &Value, pointer: &str, value: &Value) -> Value {
    let mut spec = spec.clone();
    let mut place = &mut spec;
    for part in pointer.split('/').skip(1) {
        place = &mut place[part];
    }
    *place = value.clone();
    spec
}

/// Each of these is fixed afterwards, and the platform goes on from there.
#[tokio::test]
async fn e2e_what_is_missing_or_wrong_is_told_with_its_remedy() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "told").await?;
    let spec = platform.spec().await?;
    let secret = platform.secret("postgres");
    let good = cluster.secret(&platform.namespace, &secret).await?;

    cluster.kubectl(&["-n", &platform.namespace, "delete", "secret", &secret])?;
    platform.apply(&spec).await?;
    let told = platform.told("DatabaseReady", &secret, TOLD).await?;
    ensure!(told.reason == "SecretNotFound", "{told:?}");
    ensure!(
        told.message.contains("create secret generic"),
        "no remedy: {told:?}"
    );

    platform
        .write_secret("postgres", &changed(&good, "password", "wrong"))
        .await?;
    let told = platform.told("DatabaseReady", "password", TOLD).await?;
    ensure!(
        told.message.contains(&secret),
        "the Secret is not named: {told:?}"
    );
    ensure!(
        !told.message.contains("wrong\""),
        "the password is shown: {told:?}"
    );

    for (backend, condition) in [("redis", "RedisReady"), ("kafka", "EventsReady")] {
        let name = platform.secret(backend);
        let right = cluster.secret(&platform.namespace, &name).await?;
        platform
            .write_secret(backend, &changed(&right, "password", "wrong"))
            .await?;
        let told = platform.told(condition, &name, TOLD).await?;
        ensure!(told.reason == "LoginRefused", "{backend}: {told:?}");
        platform.write_secret(backend, &right).await?;
    }

    platform
        .write_secret("postgres", &changed(&good, "host", "nowhere.backends.svc"))
        .await?;
    platform
        .told("DatabaseReady", "nowhere.backends.svc", TOLD)
        .await?;

    platform.write_secret("postgres", &good).await?;
    platform.ready(READY).await?;

    drift_is_put_right_while_a_server_is_away(&cluster, &platform).await?;
    an_image_that_does_not_exist_stops_nothing(&cluster, &platform, &spec).await?;
    platform.delete(TOLD).await?;
    cluster.delete_namespace(&platform.namespace).await
}

fn changed(data: &BTreeMap<String, String>, key: &str, value: &str) -> BTreeMap<String, String> {
    let mut data = data.clone();
    data.insert(key.to_owned(), value.to_owned());
    data
}

/// What runs is looked after, whatever a server says.
async fn drift_is_put_right_while_a_server_is_away(
    cluster: &Cluster,
    platform: &Platform,
) -> Result<()> {
    let right = cluster
        .secret(&platform.namespace, &platform.secret("kafka"))
        .await?;
    let gone = changed(&right, "bootstrap-servers", "nowhere.backends.svc:9092");
    platform.write_secret("kafka", &gone).await?;
    platform
        .told("EventsReady", "nowhere.backends.svc", TOLD)
        .await?;
    let worker = ["-n", &platform.namespace, "deployment/p-worker"];
    let [n, namespace, deployment] = worker;
    let by_hand = "-p={\"spec\":{\"revisionHistoryLimit\":7}}";
    cluster.kubectl(&[n, namespace, "patch", deployment, "--type=merge", by_hand])?;
    wait_for("it is put back", TOLD, async || {
        let limit = "-o=jsonpath={.spec.revisionHistoryLimit}";
        let limit = cluster.kubectl(&[n, namespace, "get", deployment, limit])?;
        ensure!(limit != "7", "it is {limit}");
        Ok(())
    })
    .await?;
    let conditions = platform.conditions().await?;
    ensure!(
        conditions["EventsReady"].status == "False",
        "{conditions:?}"
    );
    platform.write_secret("kafka", &right).await?;
    platform.ready(READY).await
}

/// A running platform whose spec asks for a missing image keeps its pods, says so, and recovers.
async fn an_image_that_does_not_exist_stops_nothing(
    cluster: &Cluster,
    platform: &Platform,
    spec: &Value,
) -> Result<()> {
    let before = ready_pods(cluster, platform).await?;
    platform
        .apply(&with(spec, "/image/tag", &json!("no-such-tag")))
        .await?;
    platform.told("Migrated", "no-such-tag", TOLD).await?;
    let during = ready_pods(cluster, platform).await?;
    ensure!(before == during, "pods changed: {before:?} → {during:?}");
    platform.apply(spec).await?;
    platform.ready(READY).await?;
    wait_for("the same pods are ready", TOLD, async || {
        let after = ready_pods(cluster, platform).await?;
        ensure!(before == after, "pods changed: {before:?} → {after:?}");
        Ok(())
    })
    .await
}

/// Names of the ready pods of the long-running roles.
async fn ready_pods(cluster: &Cluster, platform: &Platform) -> Result<Vec<String>> {
    let pods = cluster
        .pods(&platform.namespace, &platform.labels())
        .await?;
    let mut names = Vec::new();
    for pod in pods {
        let conditions = pod
            .status
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        let ready = conditions
            .iter()
            .any(|c| c.type_ == "Ready" && c.status == "True");
        if ready {
            names.push(pod.metadata.name.context("a pod has a name")?);
        }
    }
    names.sort();
    Ok(names)
}
