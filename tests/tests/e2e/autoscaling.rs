//! An autoscaler takes over a role and gives it back, and at no moment is there a pod fewer than wanted. That of the worker
//! follows the age of jobs as long as somebody tells it.

use crate::drift::is_put_back_soon;
use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, pin_mut};
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget,
};
use kube::{
    Api, ResourceExt as _,
    api::{WatchEvent, WatchParams},
};
use serde_json::json;
use std::time::Duration;
use tests::{cluster::Cluster, custom_metrics::Adapter, platform::Platform, wait::wait_for};

/// The Deployment, and the objects beside it, have this name.
const WEB: &str = "p-web";
/// The same of the worker.
const WORKER: &str = "p-worker";
/// What the worker's autoscaler follows where it is served.
const WAIT: &str = "jobs_longest_wait_seconds";
/// What is served is looked for once a minute, and a settled Platform is looked at once a minute.
const FOUND: Duration = Duration::from_mins(3);
/// The autoscaler looks every 15 seconds.
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn e2e_an_autoscaler_takes_over_without_losing_a_pod() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "autoscaling").await?;
    let namespace = &platform.namespace;
    let deployments: Api<Deployment> = Api::namespaced(cluster.kube.clone(), namespace);
    let autoscalers: Api<HorizontalPodAutoscaler> =
        Api::namespaced(cluster.kube.clone(), namespace);
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(cluster.kube.clone(), namespace);
    let mut spec = platform.spec().await?;
    spec["roles"] = json!({"web": {"replicas": 2}});
    platform.apply(&spec).await?;
    platform.ready(Duration::from_mins(2)).await?;
    let before = deployments.get(WEB).await?;

    spec["roles"]["web"]["autoscaling"] = json!({"minReplicas": 2, "maxReplicas": 3});
    platform.apply(&spec).await?;
    platform.ready(LIMIT).await?;
    let autoscaler = autoscalers.get(WEB).await?;
    ensure!(
        autoscaler.owner_references().len() == 1,
        "{:?}",
        autoscaler.metadata
    );
    ensure!(!sends_replicas(&deployments.get(WEB).await?), "still ours");
    let other = json!({"spec": {"maxReplicas": 9}});
    is_put_back_soon(&autoscalers, WEB, &other, Duration::ZERO).await?;
    cpu_is_known(&autoscalers).await?;

    // The autoscaler raises what is below its least by itself, load or none.
    spec["roles"]["web"]["autoscaling"]["minReplicas"] = json!(3);
    platform.apply(&spec).await?;
    wait_for("three pods are wanted", LIMIT, async || {
        let found = replicas(&deployments.get(WEB).await?);
        ensure!(found == Some(3), "{found:?}");
        Ok(())
    })
    .await?;
    platform.ready(LIMIT).await?;
    ensure!(budgets.get_opt(WEB).await?.is_some(), "no budget at three");
    let status = platform.get().await?.data["status"]["roles"].clone();
    let web = status.as_array().context("roles")?[0].clone();
    ensure!(web["desired"] == 3, "the status tells {web}");

    // A change of ours leaves the number alone.
    spec["roles"]["web"]["template"] = json!({"podLabels": {"changed": "yes"}});
    platform.apply(&spec).await?;
    platform.ready(Duration::from_mins(2)).await?;
    ensure!(
        replicas(&deployments.get(WEB).await?) == Some(3),
        "taken back"
    );

    let web = spec["roles"]["web"].as_object_mut().context("web")?;
    web.remove("autoscaling");
    platform.apply(&spec).await?;
    platform.ready(Duration::from_mins(2)).await?;
    let after = deployments.get(WEB).await?;
    ensure!(replicas(&after) == Some(2), "{:?}", replicas(&after));
    ensure!(sends_replicas(&after), "not ours again");
    ensure!(autoscalers.get_opt(WEB).await?.is_none(), "it is left");

    let seen = history(&deployments, &before, &after).await?;
    ensure!(seen.iter().all(|replicas| *replicas >= 2), "{seen:?}");
    ensure!(seen.contains(&3), "{seen:?}");
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(namespace).await
}

/// What it follows is measured: one that knows nothing keeps to its bounds, too.
async fn cpu_is_known(autoscalers: &Api<HorizontalPodAutoscaler>) -> Result<()> {
    wait_for("the autoscaler knows the CPU of web", LIMIT, async || {
        let status = autoscalers.get(WEB).await?.status.unwrap_or_default();
        let metrics = status.current_metrics.unwrap_or_default();
        let mut resources = metrics.iter().filter_map(|metric| metric.resource.as_ref());
        let cpu = resources.find(|resource| resource.name == "cpu");
        let percent = cpu.and_then(|cpu| cpu.current.average_utilization);
        ensure!(percent.is_some(), "{metrics:?}, {:?}", status.conditions);
        Ok(())
    })
    .await
}

/// On two threads: the adapter answers while kubectl, which blocks, asks it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_the_worker_follows_the_age_of_its_oldest_job() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "oldest-job").await?;
    let namespace = &platform.namespace;
    let adapter = Adapter::install(&cluster, namespace, WAIT).await?;
    let mut spec = platform.spec().await?;
    spec["roles"] = json!({"worker": {"autoscaling": {
        "minReplicas": 1, "maxReplicas": 3, "targetOldestJobSeconds": 2000,
    }}});
    platform.apply(&spec).await?;
    platform.ready(Duration::from_mins(2)).await?;
    follows(&cluster, namespace, "Pods").await?;
    // As docs/operator/autoscaling.md has people look.
    let listed = cluster.kubectl(&["get", "--raw", "/apis/custom.metrics.k8s.io/v1beta1"])?;
    ensure!(listed.contains(&format!("pods/{WAIT}")), "{listed}");

    adapter.say(100_000);
    let deployments: Api<Deployment> = Api::namespaced(cluster.kube.clone(), namespace);
    let grown = wait_for("as many pods as may be", LIMIT, async || {
        let found = replicas(&deployments.get(WORKER).await?);
        ensure!(found == Some(3), "{found:?}");
        Ok(())
    });
    grown
        .await
        .map_err(|error| error.context(described(&cluster, namespace)))?;
    platform.ready(LIMIT).await?;
    adapter.say(0);
    let autoscalers: Api<HorizontalPodAutoscaler> =
        Api::namespaced(cluster.kube.clone(), namespace);
    wait_for("no job waits", LIMIT, async || {
        let status = autoscalers.get(WORKER).await?.status.unwrap_or_default();
        let metrics = status.current_metrics.unwrap_or_default();
        let pods = metrics.iter().find_map(|metric| metric.pods.as_ref());
        let age = pods.and_then(|pods| pods.current.average_value.as_ref());
        ensure!(age.is_some_and(|age| age.0 == "0"), "{metrics:?}");
        Ok(())
    })
    .await?;
    let shown = cluster.kubectl(&["-n", namespace, "get", "hpa"])?;
    ensure!(shown.contains(" 0/2k "), "{shown}");

    drop(adapter);
    follows(&cluster, namespace, "Resource").await?;
    let left = replicas(&deployments.get(WORKER).await?);
    ensure!(left.is_some_and(|left| left >= 1), "{left:?}");
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(namespace).await
}

/// Waits until the worker's autoscaler has one metric, of this type.
async fn follows(cluster: &Cluster, namespace: &str, metric: &str) -> Result<()> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(cluster.kube.clone(), namespace);
    let what = format!("the autoscaler follows {metric}");
    wait_for(&what, FOUND, async || {
        let spec = api.get(WORKER).await?.spec.context("a spec")?;
        let metrics = spec.metrics.unwrap_or_default();
        let types: Vec<&str> = metrics.iter().map(|metric| metric.type_.as_str()).collect();
        ensure!(types == [metric], "{types:?}");
        Ok(())
    })
    .await
}

/// What the autoscaler's controller says of it. For the message of a failure.
fn described(cluster: &Cluster, namespace: &str) -> String {
    let said = cluster.kubectl(&["-n", namespace, "describe", "hpa", WORKER]);
    said.unwrap_or_else(|error| format!("{error:#}"))
}

fn replicas(deployment: &Deployment) -> Option<i32> {
    deployment.spec.as_ref()?.replicas
}

/// Whether the operator holds the number of pods.
fn sends_replicas(deployment: &Deployment) -> bool {
    deployment
        .managed_fields()
        .iter()
        .filter(|entry| entry.manager.as_deref() == Some("crewdeck-operator"))
        .filter_map(|entry| entry.fields_v1.as_ref())
        .any(|fields| fields.0["f:spec"].get("f:replicas").is_some())
}

/// Each number of pods that was wanted between two versions of the Deployment: the API server tells them again.
async fn history(
    api: &Api<Deployment>,
    before: &Deployment,
    after: &Deployment,
) -> Result<Vec<i32>> {
    let version = before.resource_version().context("a version")?;
    let parameters = WatchParams::default().fields(&format!("metadata.name={WEB}"));
    let events = api.watch(&parameters, &version).await?.fuse();
    pin_mut!(events);
    let mut seen = Vec::new();
    while let Some(event) = events.try_next().await? {
        let deployment = match event {
            WatchEvent::Modified(deployment) => deployment,
            WatchEvent::Bookmark(_) => continue,
            other => anyhow::bail!("{other:?}"),
        };
        seen.extend(replicas(&deployment));
        if deployment.resource_version() == after.resource_version() {
            return Ok(seen);
        }
    }
    anyhow::bail!("the last version was not told: {seen:?}")
}
