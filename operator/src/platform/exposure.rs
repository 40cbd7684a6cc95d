//! The way in from outside: made, judged by what its controller says, and taken away when it is not wanted.

use crds::Reason;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::Value;

use super::{
    Context, StepError,
    apply::kube::{ensure, remove},
    build,
    foreign::HttpRoute,
    kinds,
    validate::{Exposure, ValidatedPlatform},
};

/// Makes the way in, and removes the one that is wanted no longer. Returns how it stands, in words.
///
/// # Errors
/// `KindNotInstalled`; `RouteNotAccepted` while a Gateway does not serve the route; what the API server says.
pub(super) async fn expose(cx: &Context, p: &ValidatedPlatform) -> Result<String, StepError> {
    let has_routes = kinds::has::<HttpRoute>(cx).await?;
    if has_routes && !matches!(p.exposure, Exposure::HttpRoute(_)) {
        remove::<HttpRoute>(cx, p, &p.name).await?;
    }
    let ingresses = match &p.exposure {
        Exposure::Ingress(spec, hostname) => build::ingresses(p, spec, hostname.as_ref()),
        Exposure::None | Exposure::HttpRoute(_) => Vec::new(),
    };
    for name in build::ingress_names(p) {
        let wanted = |ingress: &Ingress| ingress.metadata.name.as_ref() == Some(&name);
        if !ingresses.iter().any(wanted) {
            remove::<Ingress>(cx, p, &name).await?;
        }
    }
    match &p.exposure {
        Exposure::None => Ok("not asked for".to_owned()),
        Exposure::HttpRoute(_) if !has_routes => Err(StepError::waiting(
            Reason::KindNotInstalled,
            "spec.exposure.httpRoute needs kind HTTPRoute of gateway.networking.k8s.io/v1, which this cluster does not have; \
             install the Gateway API and a controller for it, or use spec.exposure.ingress",
        )),
        Exposure::HttpRoute(spec) => {
            let (_, route) = ensure(cx, &build::http_route(p, spec)).await?;
            accepted(&route)
        }
        Exposure::Ingress(..) => {
            let mut told = Vec::new();
            for ingress in &ingresses {
                let (_, now) = ensure(cx, ingress).await?;
                told.push(address(&now));
            }
            Ok(told.join("; "))
        }
    }
}

/// Whether each Gateway that the route names serves it.
fn accepted(route: &HttpRoute) -> Result<String, StepError> {
    let waiting = |message: String| Err(StepError::waiting(Reason::RouteNotAccepted, message));
    let name = route.metadata.name.as_deref().unwrap_or_default();
    let namespace = route.metadata.namespace.as_deref().unwrap_or_default();
    let what = format!("HTTPRoute {namespace}/{name}");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let parents = list(&route.status["parents"]);
    let mut served = Vec::new();
    for wanted in list(&route.spec["parentRefs"]) {
        let (gateway, listener) = key(&wanted, namespace);
        let told = |parent: &&Value| {
            key(&parent["parentRef"], namespace) == (gateway.clone(), listener.clone())
        };
        let Some(parent) = parents.iter().find(told) else {
            return waiting(format!(
                "no controller has looked at {what} for Gateway {gateway}; check that the Gateway exists and that its \
                 class has a controller: kubectl get gateways,gatewayclasses --all-namespaces"
            ));
        };
        for condition in ["Accepted", "ResolvedRefs"] {
            let conditions = list(&parent["conditions"]);
            let found = conditions.iter().find(|found| found["type"] == condition);
            let is_of_now =
                |found: &&Value| found["observedGeneration"].as_i64() >= route.metadata.generation;
            match found.filter(is_of_now) {
                Some(found) if found["status"] == "True" => {}
                Some(found) => {
                    let word = |key: &str| found[key].as_str().unwrap_or_default();
                    return waiting(format!(
                        "Gateway {gateway} says of {what} {condition}={}: {} ({}); check its listeners' hostnames and \
                         allowedRoutes",
                        word("status"),
                        word("message"),
                        word("reason")
                    ));
                }
                None => {
                    return waiting(format!(
                        "Gateway {gateway} has not yet told {condition} of {what} as it is now"
                    ));
                }
            }
        }
        served.push(gateway);
    }
    Ok(format!("{what} is served by Gateway {}", served.join(", ")))
}

/// The Gateway and the listener of a reference.
fn key(reference: &Value, namespace: &str) -> (String, Option<String>) {
    let word = |key: &str| reference[key].as_str();
    let gateway = format!(
        "{}/{}",
        word("namespace").unwrap_or(namespace),
        word("name").unwrap_or_default()
    );
    (gateway, word("sectionName").map(str::to_owned))
}

/// Where an ingress is served, if its controller says so; not every one does.
fn address(ingress: &Ingress) -> String {
    let name = ingress.metadata.name.as_deref().unwrap_or_default();
    let points: Vec<&str> = ingress
        .status
        .iter()
        .filter_map(|status| status.load_balancer.as_ref()?.ingress.as_ref())
        .flatten()
        .filter_map(|point| point.ip.as_deref().or(point.hostname.as_deref()))
        .collect();
    if points.is_empty() {
        format!("Ingress {name} is made")
    } else {
        format!("Ingress {name} is served at {}", points.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::{
        platform::validate::sample::{checked, platform},
        testing::Api as Server,
        told::is_told,
    };

    const ROUTE: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/crewdeck/httproutes/demo";
    const INGRESS: &str = "/apis/networking.k8s.io/v1/namespaces/crewdeck/ingresses/demo";

    fn exposed(spec: Value) -> ValidatedPlatform {
        let mut platform = platform();
        platform.spec.exposure = serde_json::from_value(spec).expect("a spec");
        checked(&platform).expect("usable")
    }

    fn gateway_api(server: &Server) {
        let path = "/apis/gateway.networking.k8s.io/v1";
        server.insert(path, json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "gateway.networking.k8s.io/v1",
            "resources": [{"name": "httproutes", "singularName": "httproute", "namespaced": true, "kind": "HTTPRoute", "verbs": ["patch"]}],
        }));
    }

    /// A route to two Gateways, of which the second says this.
    fn route(second: &Value) -> HttpRoute {
        let yes = |kind: &str| json!({"type": kind, "status": "True", "observedGeneration": 2});
        let reference = json!({"name": "edge", "namespace": "gateways"});
        serde_json::from_value(json!({
            "metadata": {"name": "demo", "namespace": "crewdeck", "generation": 2},
            "spec": {"parentRefs": [reference, {"name": "inner"}]},
            "status": {"parents": [
                {"parentRef": reference, "conditions": [yes("Accepted"), yes("ResolvedRefs")]},
                second,
            ]},
        }))
        .expect("a route")
    }

    fn inner(status: &str, generation: i64) -> Value {
        let condition = |kind: &str, status: &str| json!({"type": kind, "status": status, "observedGeneration": generation, "reason": "Why", "message": "because"});
        json!({
            "parentRef": {"name": "inner", "namespace": "crewdeck"},
            "conditions": [condition("Accepted", "True"), condition("ResolvedRefs", status)],
        })
    }

    #[rstest]
    #[case::nobody_looked(json!({}), "no controller has looked at HTTPRoute crewdeck/demo for Gateway crewdeck/inner")]
    #[case::refused(inner("False", 2), "ResolvedRefs=False: because (Why)")]
    #[case::old(inner("True", 1), "has not yet told Accepted")]
    fn a_route_that_is_not_served_says_why(#[case] second: Value, #[case] words: &str) {
        let error = accepted(&route(&second)).expect_err("not served");
        is_told(Reason::RouteNotAccepted, error.reason.as_str());
        assert!(error.message.contains(words), "{error}");
    }

    #[test]
    fn a_route_is_served_when_each_gateway_says_so() {
        assert_eq!(
            accepted(&route(&inner("True", 2))).expect("served"),
            "HTTPRoute crewdeck/demo is served by Gateway gateways/edge, crewdeck/inner"
        );
    }

    #[tokio::test]
    async fn a_kind_that_is_not_installed_is_named() {
        let server = Server::default();
        let p = exposed(json!({"httpRoute": {"parentRefs": [{"name": "edge"}]}}));
        let error = expose(&server.context(), &p)
            .await
            .expect_err("no such kind");
        is_told(Reason::KindNotInstalled, error.reason.as_str());
        assert!(error.message.contains("install the Gateway API"), "{error}");
        assert_eq!(server.writes(), 0);
    }

    #[tokio::test]
    async fn a_kind_that_goes_takes_its_routes_along() {
        let server = Server::default();
        gateway_api(&server);
        let cx = server.context();
        let nothing = exposed(json!({}));
        assert_eq!(expose(&cx, &nothing).await.expect("none"), "not asked for");
        server.undefine("/apis/gateway.networking.k8s.io");
        assert_eq!(expose(&cx, &nothing).await.expect("gone"), "not asked for");
        let p = exposed(json!({"httpRoute": {"parentRefs": [{"name": "edge"}]}}));
        let error = expose(&cx, &p).await.expect_err("no such kind any more");
        assert_eq!(error.reason, Reason::KindNotInstalled);
        assert!(error.message.contains("HTTPRoute crewdeck/demo"), "{error}");
    }

    #[tokio::test]
    async fn one_way_in_takes_the_place_of_the_other() {
        let server = Server::default();
        gateway_api(&server);
        let cx = server.context();
        let p = exposed(json!({"httpRoute": {"parentRefs": [{"name": "edge"}]}}));
        let error = expose(&cx, &p).await.expect_err("nobody serves it");
        assert_eq!(error.reason, Reason::RouteNotAccepted);
        assert!(server.object(ROUTE).is_some());

        let p = exposed(json!({"ingress": {"className": "nginx"}}));
        for _ in 0..2 {
            let told = expose(&cx, &p).await.expect("made");
            assert_eq!(told, "Ingress demo is made; Ingress demo-realtime is made");
        }
        assert_eq!(server.object(ROUTE), None);
        server.put(INGRESS, |ingress| {
            ingress["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}});
        });
        let told = expose(&cx, &p).await.expect("made");
        assert!(
            told.starts_with("Ingress demo is served at 192.0.2.7"),
            "{told}"
        );

        let p = exposed(json!({}));
        assert_eq!(expose(&cx, &p).await.expect("nothing"), "not asked for");
        assert_eq!((server.object(INGRESS), server.writes()), (None, 6));
    }
}
