//! Who may reach the pods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Policies that shut the pods in: nothing in, nothing out, but what their servers, their callers and the operator need. A
/// cluster whose network does not enforce `NetworkPolicy` ignores them.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NetworkPolicySpec {
    /// Whether there are any.
    pub enabled: bool,
    /// Namespaces whose pods may send requests to web, realtime and analytics, such as that of the ingress controller;
    /// everybody may when none is named.
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub ingress_namespaces: Vec<String>,
    /// Namespaces whose pods may read the metrics.
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub monitoring_namespaces: Vec<String>,
}

impl Default for NetworkPolicySpec {
    fn default() -> Self {
        Self {
            enabled: true,
            ingress_namespaces: Vec::new(),
            monitoring_namespaces: vec!["monitoring".to_owned()],
        }
    }
}
