//! A hundred Platforms that cannot work: half of them name Secrets that are not there, half of them servers that never
//! answer. One more cannot even be read, and one with ten thousand topics is not let in. One that can work does so beside
//! them as if it were alone.

use crate::unreadable::make_unreadable;
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
/// Topics of a Platform that asks for too much.
const TOO_MANY: usize = 10_000;

#[tokio::test]
async fn e2e_a_hundred_dead_platforms_slow_no_other() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let dead = cluster.new_namespace("dead").await?;
    // By itself: nothing of it is tried again.
    let odd = cluster.new_namespace("odd").await?;
    make_dead(&cluster, &dead).await?;
    let begun = Instant::now();
    wait_for("every dead one is told why", TOLD, async || {
        let told = told(&cluster, &dead)?;
        let known = told.values().filter(|waiting| !waiting.is_null()).count();
        ensure!(known == DEAD, "{known} of {DEAD}");
        Ok(())
    })
    .await?;
    let within = format!("told within {} s", begun.elapsed().as_secs());
    let mut table: Vec<(String, String)> = reasons(&told(&cluster, &dead)?)
        .into_iter()
        .map(|(reason, count)| (format!("{count} with {reason}"), within.clone()))
        .collect();

    let platform = Platform::prepare(&cluster, "alive").await?;
    let mut spec = platform.spec().await?;
    let begun = Instant::now();
    let refusal = refused(&cluster, &odd, &spec)?;
    let answer = format!(
        "refused within {} ms: {refusal}",
        begun.elapsed().as_millis()
    );
    table.push((format!("1 with {TOO_MANY} topics"), answer));
    let begun = Instant::now();
    let unread = make_unreadable(&cluster, &odd, &spec).await?;
    let answer = format!(
        "told within {} s: {}",
        begun.elapsed().as_secs(),
        unread["message"]
    );
    table.push(("1 that cannot be read".to_owned(), answer));

    let begun = Instant::now();
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let beside = "1 beside them all".to_owned();
    let answer = format!("Ready within {} s", begun.elapsed().as_secs());
    table.push((beside.clone(), answer));
    for answer in follow(&cluster, &platform, &mut spec).await? {
        table.push((beside.clone(), answer));
    }
    println!("{:<36} what became of them", "Platforms");
    for (platforms, answer) in &table {
        println!("{platforms:<36} {answer}");
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
    cluster.delete_namespace(&odd).await?;
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Changes the Platform that works, and disturbs it; tells how soon each was followed.
async fn follow(cluster: &Cluster, platform: &Platform, spec: &mut Value) -> Result<Vec<String>> {
    let mut answers = Vec::new();
    for round in 1..=3 {
        let begun = Instant::now();
        // A change that only the status tells of.
        spec["events"]["kafka"]["topics"] =
            json!([{"name": "task-events", "retentionSeconds": 3_600 * round}]);
        platform.apply(spec).await?;
        platform.ready(SOON).await?;
        let answer = format!(
            "a change was followed within {} ms",
            begun.elapsed().as_millis()
        );
        answers.push(answer);
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
        let answer = format!(
            "a Service was put back within {} ms",
            begun.elapsed().as_millis()
        );
        answers.push(answer);
    }
    Ok(answers)
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

/// How many are told each reason.
fn reasons(told: &BTreeMap<String, Value>) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for waiting in told.values() {
        let reason = waiting["reason"].as_str().unwrap_or_default().to_owned();
        *reasons.entry(reason).or_insert(0) += 1;
    }
    reasons
}

/// Asks for a Platform with far too many topics, and gives the API server's words that say so.
fn refused(cluster: &Cluster, namespace: &str, spec: &Value) -> Result<String> {
    let mut object = json!({
        "apiVersion": "crewdeck.io/v1beta1", "kind": "Platform",
        "metadata": {"name": "greedy", "namespace": namespace}, "spec": spec,
    });
    object["spec"]["events"]["kafka"]["topics"] =
        vec![json!({"name": "task-events"}); TOO_MANY].into();
    let file = std::env::temp_dir().join(format!("{namespace}-greedy.json"));
    std::fs::write(&file, object.to_string())?;
    let answer = cluster.kubectl(&["create", "-f", &file.to_string_lossy()]);
    std::fs::remove_file(&file)?;
    let error = answer.err().context("it was let in")?.to_string();
    let words = "must have at most 4 items";
    let (before, _) = error.split_once(words).with_context(|| {
        let head: String = error.chars().take(500).collect();
        format!("no word of the bound: {head}")
    })?;
    let field = before.rfind("spec.events").unwrap_or_default();
    Ok(format!("{}{words}", &before[field..]))
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
