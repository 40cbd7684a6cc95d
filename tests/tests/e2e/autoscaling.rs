//! An autoscaler takes over a role and gives it back, and at no moment is there a pod fewer than wanted.

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
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};

/// The Deployment, and the objects beside it, have this name.
const WEB: &str = "p-web";
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
