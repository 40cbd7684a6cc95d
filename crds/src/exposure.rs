//! How the platform is reached from outside the cluster.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What leads requests from outside to web, realtime and analytics: a route, an ingress or, when neither is given, nothing
/// of the operator's.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!(has(self.httpRoute) && has(self.ingress))").message("exposure takes httpRoute or ingress, not both: take one of them out"))]
pub struct ExposureSpec {
    /// By a Gateway. The cluster needs the Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRouteSpec>,
    /// By an ingress controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSpec>,
    /// Proxies before web, each of which adds one entry to `X-Forwarded-For`: where requests come from, by which sign-ins are
    /// limited, is that many entries from its end. 1 when it is left out and there is a route or an ingress, else 0. Two behind
    /// Google Cloud's own, and one more for each network that delivers content. Fewer than there are, and all people share one
    /// limit; more, and a caller chooses where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 8))]
    pub trusted_hops: Option<i32>,
}

/// A route of the Gateway API.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRouteSpec {
    /// The Gateways that serve it.
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub parent_refs: Vec<GatewayReference>,
    /// Names under which it is served; that of `publicURL` when none is given.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub hostnames: Vec<String>,
}

/// A Gateway, or one of its listeners.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayReference {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; the Platform's when empty.
    #[serde(default)]
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Name of the listener; every one that fits when empty.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub section_name: String,
}

/// An ingress.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IngressSpec {
    /// The `IngressClass`; the cluster's default when empty.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub class_name: String,
    /// A Secret with the certificate, in the Platform's namespace; the controller's own certificate when empty.
    #[serde(default)]
    #[schemars(length(max = 253))]
    pub tls_secret_name: String,
    /// Further annotations, as the controller has them.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}
