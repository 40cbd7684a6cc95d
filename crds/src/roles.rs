//! The long-running roles and how their pods are shaped.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The six long-running roles.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolesSpec {
    /// Answers the API and the pages.
    #[serde(default)]
    pub web: ScaledRole,
    /// Runs jobs, sends events out and files notifications.
    #[serde(default)]
    pub worker: ScaledRole,
    /// Starts jobs by the calendar; at most one runs.
    #[serde(default)]
    pub beat: SingleRole,
    /// Pushes events to open browsers.
    #[serde(default)]
    pub realtime: SwitchedRole,
    /// Answers the analytics API from the replica.
    #[serde(default)]
    pub analytics: SwitchedRole,
    /// Counts events into daily figures.
    #[serde(default)]
    pub analytics_worker: SwitchedRole,
}

/// A role that is always on.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaledRole {
    /// Pods that run.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: i32,
    /// Shape of the pods.
    #[serde(default)]
    pub template: RoleTemplate,
}

/// A role that can be switched off.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchedRole {
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Pods that run when it is enabled.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: i32,
    /// Shape of the pods.
    #[serde(default)]
    pub template: RoleTemplate,
}

/// A role of which there is one pod or none.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SingleRole {
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Shape of the pod.
    #[serde(default)]
    pub template: RoleTemplate,
}

/// Shape of a role's pods.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleTemplate {
    /// Requests and limits; what is not named has the role's default.
    #[serde(default)]
    pub resources: Resources,
    /// Labels a node must have.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// Further labels of the pods; those of the operator win.
    #[serde(default)]
    pub pod_labels: BTreeMap<String, String>,
    /// Further annotations of the pods; those of the operator win.
    #[serde(default)]
    pub pod_annotations: BTreeMap<String, String>,
}

/// Requests and limits of a pod, by resource (`cpu`, `memory`).
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(default)]
    pub requests: BTreeMap<String, Quantity>,
    /// What the pod may not exceed.
    #[serde(default)]
    pub limits: BTreeMap<String, Quantity>,
}

impl Default for ScaledRole {
    fn default() -> Self {
        Self {
            replicas: one(),
            template: RoleTemplate::default(),
        }
    }
}

impl Default for SwitchedRole {
    fn default() -> Self {
        Self {
            enabled: yes(),
            replicas: one(),
            template: RoleTemplate::default(),
        }
    }
}

impl Default for SingleRole {
    fn default() -> Self {
        Self {
            enabled: yes(),
            template: RoleTemplate::default(),
        }
    }
}

fn one() -> i32 {
    1
}

fn yes() -> bool {
    true
}
