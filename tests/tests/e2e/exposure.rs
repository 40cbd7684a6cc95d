//! The way in from outside: made, replaced, taken away, and told.

use crate::drift::is_put_back_soon;
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::networking::v1::Ingress;
use kube::{
    Api, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::json;
use std::time::Duration;
use tests::{cluster::Cluster, platform::Platform};

const LIMIT: Duration = Duration::from_mins(1);
/// A kind that a pass has found is watched this long after, at most.
const WATCHED: Duration = Duration::from_secs(20);
/// How long a verdict on a route may stay untold; a regular pass comes once a minute.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn e2e_a_platform_is_exposed_as_asked_for() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "exposure").await?;
    let mut spec = platform.spec().await?;
    spec["exposure"] =
        json!({"ingress": {"className": "any", "annotations": {"example.org/a": "b"}}});
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
    spec["exposure"] =
        json!({"httpRoute": {"parentRefs": [{"name": "edge", "namespace": "gateways"}]}});
    platform.apply(&spec).await?;
    let told = platform
        .told("ExposureReady", "install the Gateway API", LIMIT)
        .await?;
    ensure!(told.reason == "KindNotInstalled", "{told:?}");
    ensure!(ingresses.get_opt("p").await?.is_none(), "it is left");

    let definition = cluster.status.http_routes.to_string_lossy();
    cluster.kubectl(&["apply", "--server-side", "-f", &definition])?;
    let routed = is_routed(&cluster, &platform, &host).await;
    let unrouted = async {
        spec["exposure"] = json!({});
        platform.apply(&spec).await?;
        platform.ready(LIMIT).await?;
        let left = routes(&cluster, &platform).get_opt("p").await?;
        ensure!(left.is_none(), "{left:?}");
        Ok(())
    };
    let unrouted = unrouted.await;
    cluster.kubectl(&["delete", "--wait=false", "-f", &definition])?;
    routed.and(unrouted)?;
    platform.delete(LIMIT).await?;
    cluster.delete_namespace(&platform.namespace).await
}

fn routes(cluster: &Cluster, platform: &Platform) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let kind = ApiResource::from_gvk(&kind);
    Api::namespaced_with(cluster.kube.clone(), &platform.namespace, &kind)
}

/// The route comes with the kind, and the Platform is Ready once a Gateway's controller, here the test, serves it.
async fn is_routed(cluster: &Cluster, platform: &Platform, host: &str) -> Result<()> {
    platform
        .told(
            "ExposureReady",
            "no controller has looked at",
            Duration::from_mins(3),
        )
        .await?;
    let api = routes(cluster, platform);
    let route = api.get("p").await?;
    ensure!(route.data["spec"]["hostnames"] == json!([host]));
    let rules = route.data["spec"]["rules"].as_array().context("rules")?;
    let leads: Vec<_> = rules
        .iter()
        .map(|rule| {
            (
                &rule["matches"][0]["path"]["value"],
                &rule["backendRefs"][0]["name"],
            )
        })
        .collect();
    let [realtime, analytics, web] = ["p-realtime", "p-analytics", "p-web"].map(|name| json!(name));
    let [socket, figures, rest] = ["/ws", "/api/v1/analytics", "/"].map(|path| json!(path));
    ensure!(
        leads == [(&socket, &realtime), (&figures, &analytics), (&rest, &web)],
        "{leads:?}"
    );
    let verdict = async |status: &str| {
        let generation = api.get("p").await?.metadata.generation;
        let condition = |kind: &str, status: &str| {
            json!({
                "type": kind, "status": status, "reason": kind, "message": "",
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        };
        let status = json!({"status": {"parents": [{
            "parentRef": route.data["spec"]["parentRefs"][0],
            "controllerName": "example.org/test",
            "conditions": [condition("Accepted", status), condition("ResolvedRefs", "True")],
        }]}});
        api.patch_status("p", &PatchParams::default(), &Patch::Merge(&status))
            .await
            .map(drop)
    };
    verdict("True").await?;
    platform.ready(LIMIT).await?;
    let other = json!({"spec": {"hostnames": ["other.example.org"]}});
    is_put_back_soon(&api, "p", &other, WATCHED).await?;
    verdict("False").await?;
    platform
        .told("ExposureReady", "Accepted=False", SOON)
        .await?;
    verdict("True").await?;
    platform.ready(SOON).await
}
