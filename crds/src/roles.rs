//! The long-running roles and how many pods each has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    autoscaling::{Autoscaling, WorkerAutoscaling},
    template::RoleTemplate,
};

/// The six long-running roles.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolesSpec {
    /// Answers the API and the pages.
    #[serde(default)]
    pub web: ScaledRole,
    /// Runs jobs, sends events out and files notifications.
    #[serde(default)]
    pub worker: WorkerRole,
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
    /// Lets the load decide how many pods run, in the place of `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// Shape of the pods, where it differs from `rolesTemplate`.
    #[serde(default)]
    pub template: RoleTemplate,
}

/// The role whose load waits in queues.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkerRole {
    /// Pods that run.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: i32,
    /// Lets the load decide how many pods run, in the place of `replicas`: the age of the oldest job that waits, where the
    /// custom metrics API of the cluster serves `jobs_longest_wait_seconds` of the pods; else their use of CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<WorkerAutoscaling>,
    /// Shape of the pods, where it differs from `rolesTemplate`.
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
    /// Lets the load decide how many pods run, in the place of `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// Shape of the pods, where it differs from `rolesTemplate`.
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
    /// Shape of the pod, where it differs from `rolesTemplate`.
    #[serde(default)]
    pub template: RoleTemplate,
}

impl Default for ScaledRole {
    fn default() -> Self {
        Self {
            replicas: one(),
            autoscaling: None,
            template: RoleTemplate::default(),
        }
    }
}

impl Default for WorkerRole {
    fn default() -> Self {
        Self {
            replicas: one(),
            autoscaling: None,
            template: RoleTemplate::default(),
        }
    }
}

impl Default for SwitchedRole {
    fn default() -> Self {
        Self {
            enabled: yes(),
            replicas: one(),
            autoscaling: None,
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
