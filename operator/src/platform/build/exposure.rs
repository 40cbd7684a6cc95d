//! What leads requests from outside to the roles: the socket to realtime, analytics below its path, the rest to web.

use std::collections::BTreeMap;

use crds::{HttpRouteSpec, IngressSpec};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec as Spec, IngressTLS, ServiceBackendPort,
};
use serde_json::{Map, Value, json};

use super::{object_name, service};
use crate::platform::{
    foreign::HttpRoute,
    metadata::metadata,
    validate::{Role, ValidatedPlatform},
};

/// How long a socket may be silent behind nginx; realtime pings it every 15 seconds.
const SOCKET_TIMEOUTS: [(&str, &str); 2] = [
    ("nginx.ingress.kubernetes.io/proxy-read-timeout", "3600"),
    ("nginx.ingress.kubernetes.io/proxy-send-timeout", "3600"),
];

/// A path, and the role that serves it.
struct Path {
    role: Role,
    prefix: &'static str,
    /// The path alone counts, not what is below.
    exact: bool,
}

/// The paths of the roles that run; the first that fits counts.
fn paths(p: &ValidatedPlatform) -> impl Iterator<Item = Path> {
    let all = [
        (Role::Realtime, "/ws", true),
        (Role::Analytics, "/api/v1/analytics", false),
        (Role::Web, "/", false),
    ];
    let runs = |role| {
        let mut roles = p.roles.iter();
        roles.any(|spec| spec.role == role && spec.scale.least() > 0)
    };
    all.into_iter()
        .filter(move |(role, ..)| runs(*role))
        .map(|(role, prefix, exact)| Path {
            role,
            prefix,
            exact,
        })
}

/// The route `P` of the Gateway API.
#[must_use]
pub fn http_route(p: &ValidatedPlatform, spec: &HttpRouteSpec) -> HttpRoute {
    let parents: Vec<Value> = spec
        .parent_refs
        .iter()
        .map(|parent| {
            let given = [
                ("name", &parent.name),
                ("namespace", &parent.namespace),
                ("sectionName", &parent.section_name),
            ];
            given
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_owned(), Value::from(value.clone())))
                .collect::<Map<_, _>>()
                .into()
        })
        .collect();
    let rules: Vec<Value> = paths(p).map(|path| rule(p, &path)).collect();
    HttpRoute {
        metadata: metadata(p, p.name.clone(), None),
        spec: json!({"parentRefs": parents, "hostnames": spec.hostnames, "rules": rules}),
        status: Value::Null,
    }
}

fn rule(p: &ValidatedPlatform, path: &Path) -> Value {
    let kind = if path.exact { "Exact" } else { "PathPrefix" };
    let mut rule = json!({
        "matches": [{"path": {"type": kind, "value": path.prefix}}],
        "backendRefs": [{"name": object_name(p, path.role), "port": service::port(path.role)}],
    });
    if path.role == Role::Realtime {
        // A socket is one request that never ends.
        rule["timeouts"] = json!({"request": "0s"});
    }
    rule
}

/// The ingresses: `P`, and `P-realtime`, which has its own timeouts. One whose roles do not run is not there.
#[must_use]
pub fn ingresses(
    p: &ValidatedPlatform,
    spec: &IngressSpec,
    hostname: Option<&String>,
) -> Vec<Ingress> {
    let (sockets, requests): (Vec<_>, Vec<_>) =
        paths(p).partition(|path| path.role == Role::Realtime);
    let timeouts = SOCKET_TIMEOUTS
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    [
        (p.name.clone(), None, requests, BTreeMap::new()),
        (
            object_name(p, Role::Realtime),
            Some(Role::Realtime),
            sockets,
            timeouts,
        ),
    ]
    .into_iter()
    .filter(|(_, _, paths, _)| !paths.is_empty())
    .map(|(name, role, paths, mut annotations)| {
        annotations.extend(spec.annotations.clone());
        let mut metadata = metadata(p, name, role);
        metadata.annotations = Some(annotations).filter(|given| !given.is_empty());
        let tls = IngressTLS {
            hosts: hostname.map(|hostname| vec![hostname.clone()]),
            secret_name: Some(spec.tls_secret_name.clone()),
        };
        Ingress {
            metadata,
            spec: Some(Spec {
                ingress_class_name: Some(spec.class_name.clone()).filter(|name| !name.is_empty()),
                rules: Some(vec![IngressRule {
                    host: hostname.cloned(),
                    http: Some(HTTPIngressRuleValue {
                        paths: paths.iter().map(|path| ingress_path(p, path)).collect(),
                    }),
                }]),
                tls: (!spec.tls_secret_name.is_empty()).then(|| vec![tls]),
                default_backend: None,
            }),
            status: None,
        }
    })
    .collect()
}

/// The names that ingresses of a Platform can have.
#[must_use]
pub fn ingress_names(p: &ValidatedPlatform) -> [String; 2] {
    [p.name.clone(), object_name(p, Role::Realtime)]
}

fn ingress_path(p: &ValidatedPlatform, path: &Path) -> HTTPIngressPath {
    HTTPIngressPath {
        path: Some(path.prefix.to_owned()),
        path_type: if path.exact { "Exact" } else { "Prefix" }.to_owned(),
        backend: IngressBackend {
            service: Some(IngressServiceBackend {
                name: object_name(p, path.role),
                port: Some(ServiceBackendPort {
                    number: service::port(path.role),
                    name: None,
                }),
            }),
            resource: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::validate::{Exposure, Scale, sample};

    fn yaml(value: &impl serde::Serialize) -> String {
        serde_yaml::to_string(value).expect("objects are YAML")
    }

    fn exposed(spec: Value) -> ValidatedPlatform {
        let mut platform = sample::platform();
        platform.spec.exposure = serde_json::from_value(spec).expect("a spec");
        sample::checked(&platform).expect("usable")
    }

    #[test]
    fn a_route_in_whole() {
        let p = exposed(json!({"httpRoute": {"parentRefs": [
            {"name": "edge", "namespace": "gateways", "sectionName": "https"}, {"name": "inner"},
        ]}}));
        let Exposure::HttpRoute(spec) = &p.exposure else {
            panic!("a route");
        };
        insta::assert_snapshot!("http_route", yaml(&http_route(&p, spec)));
    }

    #[test]
    fn ingresses_in_whole() {
        let annotations =
            json!({"nginx.ingress.kubernetes.io/proxy-read-timeout": "60", "a/b": "c"});
        let mut p = exposed(json!({"ingress": {
            "className": "nginx", "tlsSecretName": "crew-tls", "annotations": annotations,
        }}));
        let Exposure::Ingress(spec, hostname) = p.exposure.clone() else {
            panic!("an ingress");
        };
        insta::assert_snapshot!("ingresses", yaml(&ingresses(&p, &spec, hostname.as_ref())));

        for role in &mut p.roles {
            if role.role != Role::Web {
                role.scale = Scale::Fixed(0);
            }
        }
        let only_web = ingresses(&p, &spec, None);
        assert_eq!(only_web.len(), 1, "{only_web:?}");
        assert!(!yaml(&only_web).contains("analytics"));
        assert!(
            ingress_names(&p)
                .iter()
                .any(|name| only_web[0].metadata.name.as_ref() == Some(name))
        );
    }
}
