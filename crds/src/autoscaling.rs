//! How many pods a role has when the load decides.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Lets the use of CPU decide how many pods a role has, in the place of `replicas`. The cluster needs a metrics server.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas").message("autoscaling.maxReplicas must be at least autoscaling.minReplicas"))]
pub struct Autoscaling {
    /// Pods that always run.
    #[serde(default = "Autoscaling::default_least")]
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// Pods that run at most.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// The use of CPU to keep to on average, in percent of what the pods request: set `template.resources.requests.cpu` to
    /// what one pod is to carry.
    #[serde(
        rename = "targetCPUUtilizationPercentage",
        default = "Autoscaling::default_target"
    )]
    #[schemars(range(min = 1, max = 1_000))]
    pub target_cpu_utilization_percentage: i32,
}

/// Lets the load decide how many pods role `worker` has, in the place of `replicas`. The cluster needs a custom metrics API
/// that serves `jobs_longest_wait_seconds` of the pods, or else a metrics server.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas").message("autoscaling.maxReplicas must be at least autoscaling.minReplicas"))]
pub struct WorkerAutoscaling {
    /// Pods that always run.
    #[serde(default = "Autoscaling::default_least")]
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// Pods that run at most.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// Seconds that the oldest job may have waited. Twice as long asks for twice the pods, half as long for half of them.
    #[serde(default = "WorkerAutoscaling::default_age")]
    #[schemars(range(min = 1, max = 86_400))]
    pub target_oldest_job_seconds: i32,
    /// The use of CPU to keep to on average while nobody serves how long jobs wait, in percent of what the pods request: set
    /// `template.resources.requests.cpu` to what one pod is to carry.
    #[serde(
        rename = "targetCPUUtilizationPercentage",
        default = "Autoscaling::default_target"
    )]
    #[schemars(range(min = 1, max = 1_000))]
    pub target_cpu_utilization_percentage: i32,
}

impl WorkerAutoscaling {
    fn default_age() -> i32 {
        60
    }
}

impl Autoscaling {
    fn default_least() -> i32 {
        1
    }

    fn default_target() -> i32 {
        80
    }
}
