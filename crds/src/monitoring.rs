//! What a Prometheus is told.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Objects for the Prometheus operator: a `PodMonitor` and a `PrometheusRule` with alerts. They are made where the cluster
/// has these kinds, and only there.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MonitoringSpec {
    /// Whether they are made.
    pub enabled: bool,
    /// Further labels of both, by which a Prometheus may select them; those of the operator win.
    pub labels: BTreeMap<String, String>,
}

impl Default for MonitoringSpec {
    fn default() -> Self {
        Self {
            enabled: true,
            labels: BTreeMap::new(),
        }
    }
}
