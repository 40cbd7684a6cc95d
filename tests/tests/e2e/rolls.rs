//! Which pods are replaced, and which are not: a first installation rolls nothing twice, and a role's own setting rolls that
//! role alone.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tests::{cluster::Cluster, platform::Platform};

/// How long the roll of one role may take on the test machine.
const ROLLED: Duration = Duration::from_mins(2);
/// The label of a role's objects.
const ROLE: &str = "app.kubernetes.io/component";

/// Each role has come to its pods in one step: its Deployment has one `ReplicaSet`.
pub(crate) async fn nothing_rolled_twice(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let sets: Api<ReplicaSet> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let all = ListParams::default().labels(&platform.labels());
    let mut count = BTreeMap::new();
    for set in sets.list(&all).await? {
        let role = set.labels().get(ROLE).context("a role")?.clone();
        *count.entry(role).or_insert(0) += 1;
    }
    ensure!(
        count.len() == 6 && count.values().all(|sets| *sets == 1),
        "ReplicaSets after the first installation: {count:?}"
    );
    Ok(())
}

/// Changes a setting of the worker alone: its pods are others then, and every other role's are the same ones.
pub(crate) async fn only_the_role_that_was_changed_rolls(
    cluster: &Cluster,
    platform: &Platform,
    spec: &mut Value,
) -> Result<()> {
    let before = pods(cluster, platform).await?;
    // One that stands in its configuration file too.
    spec["roles"]["worker"]["template"]["terminationGracePeriodSeconds"] = json!(40);
    platform.apply(spec).await?;
    kubectl_waits(cluster, platform).await?;
    let after = pods(cluster, platform).await?;
    for (role, pods) in &before {
        let now = after.get(role).with_context(|| format!("pods of {role}"))?;
        if role == "worker" {
            ensure!(pods.is_disjoint(now), "worker did not roll: {now:?}");
        } else {
            ensure!(pods == now, "{role} rolled: {pods:?} before, {now:?} now");
        }
    }
    Ok(())
}

/// Waits as a person does, just after a change. That the former spec was Ready is no answer.
async fn kubectl_waits(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let generation = platform.get().await?.metadata.generation;
    cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "wait",
        "--for=condition=Ready",
        &format!("--timeout={}s", ROLLED.as_secs()),
        &format!("platform/{}", platform.name),
    ])?;
    let conditions = platform.conditions().await?;
    let ready = conditions.get("Ready").context("Ready")?;
    ensure!(
        ready.status == "True" && Some(ready.generation) >= generation,
        "kubectl came back at {ready:?}, of generation {generation:?}"
    );
    Ok(())
}

/// The identities of each role's pods that are not ending.
async fn pods(
    cluster: &Cluster,
    platform: &Platform,
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let labels = format!("{},{ROLE}!=migrate", platform.labels());
    let mut found: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for pod in cluster.pods(&platform.namespace, &labels).await? {
        if pod.metadata.deletion_timestamp.is_none() {
            let role = pod.labels().get(ROLE).context("a role")?.clone();
            let uid = pod.uid().context("an identity")?;
            found.entry(role).or_default().insert(uid);
        }
    }
    ensure!(found.len() == 6, "{found:?}");
    Ok(found)
}
