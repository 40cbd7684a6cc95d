//! A hundred Platforms that cannot work: half of them name Secrets that are not there, half of them servers that never
//! answer. One that can works beside them as if it were alone.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _, time::Duration};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};
use tokio::time::Instant;

/// Platforms that cannot work.
const DEAD: usize = 100;
/// Until each of them has been told what is wrong for the first time.
const TOLD: Duration = Duration::from_mins(3);
/// How long an installation may take on the test machine, alone or not.
const READY: Duration = Duration::from_mins(2);
/// How long a change may take until it is followed, alone or not.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn e2e_a_hundred_dead_platforms_slow_no_other() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let dead = cluster.new_namespace("dead").await?;
    make_dead(&cluster, &dead).await?;
    let begun = Instant::now();
    wait_for("every dead one is told why", TOLD, async || {
        let told = told(&cluster, &dead)?;
        let known = told.values().filter(|waiting| !waiting.is_null()).count();
        ensure!(known == DEAD, "{known} of {DEAD}");
        Ok(())
    })
    .await?;
    println!(
        "{DEAD} dead Platforms were told within {} s",
        begun.elapsed().as_secs()
    );

    let platform = Platform::prepare(&cluster, "alive").await?;
    let mut spec = platform.spec().await?;
    let begun = Instant::now();
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    println!(
        "one beside them was Ready within {} s",
        begun.elapsed().as_secs()
    );
    for round in 1..=3 {
        let begun = Instant::now();
        // A change that only the status tells of.
        spec["events"]["kafka"]["topics"] =
            json!([{"name": "task-events", "retentionSeconds": 3_600 * round}]);
        platform.apply(&spec).await?;
        platform.ready(SOON).await?;
        println!(
            "a change was followed within {} ms",
            begun.elapsed().as_millis()
        );
        let service = [
            "-n",
            &platform.namespace,
            "get",
            "service",
            "p-web",
            "-o",
            "name",
        ];
        cluster.kubectl(&["-n", &platform.namespace, "delete", "service", "p-web"])?;
        let begun = Instant::now();
        wait_for("the Service is back", SOON, async || {
            cluster.kubectl(&service)
        })
        .await?;
        println!(
            "a Service was put back within {} ms",
            begun.elapsed().as_millis()
        );
    }

    // Each of them pauses by itself, and a new process goes on where the former one was.
    let before = attempts(&told(&cluster, &dead)?)?;
    cluster.kubectl(&[
        "-n",
        "crewdeck-system",
        "delete",
        "pod",
        "-l",
        "app.kubernetes.io/component=operator",
    ])?;
    wait_for(
        "each was tried again, and none from the start",
        TOLD,
        async || {
            let told = told(&cluster, &dead)?;
            for (name, count) in attempts(&told)? {
                let was = before.get(&name).copied().unwrap_or_default();
                ensure!(count > was, "{name}: {was} tries before, {count} now");
            }
            Ok(())
        },
    )
    .await?;
    cluster.delete_namespace(&dead).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// `waitingOn` of each Platform of a namespace.
fn told(cluster: &Cluster, namespace: &str) -> Result<BTreeMap<String, Value>> {
    let text = cluster.kubectl(&["-n", namespace, "get", "platforms", "-o", "json"])?;
    let list: Value = serde_json::from_str(&text)?;
    let items = list["items"].as_array().context("a list")?;
    let told = items.iter().map(|item| {
        let name = item["metadata"]["name"].as_str().unwrap_or_default();
        (name.to_owned(), item["status"]["waitingOn"].clone())
    });
    Ok(told.collect())
}

/// How often each was tried in a row; each has to tell when it is tried next.
fn attempts(told: &BTreeMap<String, Value>) -> Result<BTreeMap<String, i64>> {
    let count = |(name, waiting): (&String, &Value)| {
        ensure!(!waiting["nextActionTime"].is_null(), "{name}: {waiting}");
        let count = waiting["attempts"].as_i64();
        Ok((
            name.clone(),
            count.with_context(|| format!("{name}: {waiting}"))?,
        ))
    };
    told.iter().map(count).collect()
}

/// Makes them all in one go.
async fn make_dead(cluster: &Cluster, namespace: &str) -> Result<()> {
    let silent = silent_address(cluster).await?;
    let sample = Platform::ready_sample(cluster).await?.get().await?;
    let login = json!({"username": "nobody", "password": "nothing"});
    let secret = |backend: &str, more: Value| {
        let mut data = login.clone();
        for (key, value) in more.as_object().into_iter().flatten() {
            data[key] = value.clone();
        }
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": format!("dead-{backend}")}, "stringData": data,
        })
    };
    let mut objects = vec![
        secret("postgres", json!({"host": silent})),
        secret("redis", json!({"host": silent})),
        secret(
            "kafka",
            json!({"bootstrap-servers": format!("{silent}:9092")}),
        ),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "dead"},
            "rules": [{
                "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"],
                "resourceNames": [
                    "dead-postgres", "dead-redis", "dead-kafka", "none-postgres", "none-redis", "none-kafka",
                ],
            }],
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "dead"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "dead"},
            "subjects": [{
                "kind": "ServiceAccount", "name": "crewdeck-operator", "namespace": "crewdeck-system",
            }],
        }),
    ];
    for number in 0..DEAD {
        let kind = if number % 2 == 0 { "dead" } else { "none" };
        let reference = |backend: &str| json!({"name": format!("{kind}-{backend}")});
        objects.push(json!({
            "apiVersion": "crewdeck.io/v1beta1", "kind": "Platform",
            "metadata": {"name": format!("d{number:03}")},
            "spec": {
                "image": sample.data["spec"]["image"],
                "publicURL": "http://dead.example.org",
                "database": {"secretRef": reference("postgres")},
                "redis": {"secretRef": reference("redis")},
                "events": {"transport": "Kafka", "kafka": {"secretRef": reference("kafka")}},
            },
        }));
    }
    let text = objects.iter().fold(String::new(), |mut text, object| {
        // Writing into a String cannot fail.
        let _ = write!(text, "---\n{object}\n");
        text
    });
    let file = std::env::temp_dir().join(format!("{namespace}.yaml"));
    std::fs::write(&file, text)?;
    let path = file.to_string_lossy().into_owned();
    let applied = cluster.kubectl(&["-n", namespace, "apply", "--filename", &path]);
    std::fs::remove_file(&file)?;
    applied.map(drop)
}

/// An address beside the operator's, where nobody is: connections to it hang.
async fn silent_address(cluster: &Cluster) -> Result<String> {
    let pods = cluster
        .pods("crewdeck-system", "app.kubernetes.io/component=operator")
        .await?;
    let ip = pods
        .into_iter()
        .find_map(|pod| pod.status?.pod_ip)
        .context("the operator has an address")?;
    let (network, _) = ip.rsplit_once('.').context("an IPv4 address")?;
    Ok(format!("{network}.250"))
}
