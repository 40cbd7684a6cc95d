//! The way in from outside: made, replaced, taken away, and told.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::networking::v1::Ingress;
use kube::{Api, ResourceExt as _};
use serde_json::json;
use std::time::Duration;
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};

const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn e2e_a_platform_is_exposed_as_asked_for() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "exposure").await?;
    let mut spec = platform.spec().await?;
    spec["exposure"] = json!({"ingress": {"className": "any", "annotations": {"example.org/a": "b"}}});
    platform.apply(&spec).await?;
    platform.ready(Duration::from_mins(2)).await?;
    let condition = platform.conditions().await?;
    let condition = condition.get("ExposureReady").context("ExposureReady")?;
    ensure!(
        condition.message == "Ingress p is made; Ingress p-realtime is made",
        "{condition:?}"
    );
    let ingresses: Api<Ingress> = Api::namespaced(cluster.kube.clone(), &platform.namespace);
    let host = format!("web.{}.svc", platform.namespace);
    for (name, role, path) in [
        ("p", "web", "/"),
        ("p", "analytics", "/api/v1/analytics"),
        ("p-realtime", "realtime", "/ws"),
    ] {
        let ingress = ingresses.get(name).await?;
        ensure!(ingress.annotations()["example.org/a"] == "b");
        let rules = ingress.spec.and_then(|spec| spec.rules).context("rules")?;
        ensure!(rules[0].host.as_ref() == Some(&host), "{rules:?}");
        let paths = rules[0].http.as_ref().map(|http| &http.paths);
        let leads = paths.context("paths")?.iter().any(|found| {
            let service = found.backend.service.as_ref();
            found.path.as_deref() == Some(path)
                && service.is_some_and(|service| service.name == format!("p-{role}"))
        });
        ensure!(leads, "{path} does not lead to {role}: {rules:?}");
    }

    // The local cluster has no Gateway API: the way in that was there goes, and the missing kind is named.
    spec["exposure"] = json!({"httpRoute": {"parentRefs": [{"name": "edge"}]}});
    platform.apply(&spec).await?;
    let told = platform
        .told("ExposureReady", "install the Gateway API", LIMIT)
        .await?;
    ensure!(told.reason == "KindNotInstalled", "{told:?}");
    spec["exposure"] = json!({});
    platform.apply(&spec).await?;
    platform.ready(LIMIT).await?;
    wait_for("no ingress is left", LIMIT, async || {
        let left = ingresses.list(&kube::api::ListParams::default()).await?;
        ensure!(left.items.is_empty(), "{:?}", left.items);
        Ok(())
    })
    .await?;
    platform.delete(LIMIT).await?;
    cluster.delete_namespace(&platform.namespace).await
}
