//! What the autoscaler of a role keeps to.

/// Bounds of the number of pods, and the loads that are aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autoscaling {
    /// Pods that always run.
    pub min_replicas: i32,
    /// Pods that run at most.
    pub max_replicas: i32,
    /// Use of CPU, in percent of what the pods request.
    pub target_cpu_utilization_percentage: i32,
    /// Seconds that the oldest job may have waited; `None` for a role without jobs.
    pub target_oldest_job_seconds: Option<i32>,
}

impl From<crds::Autoscaling> for Autoscaling {
    fn from(spec: crds::Autoscaling) -> Self {
        Self {
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            target_cpu_utilization_percentage: spec.target_cpu_utilization_percentage,
            target_oldest_job_seconds: None,
        }
    }
}

impl From<crds::WorkerAutoscaling> for Autoscaling {
    fn from(spec: crds::WorkerAutoscaling) -> Self {
        Self {
            min_replicas: spec.min_replicas,
            max_replicas: spec.max_replicas,
            target_cpu_utilization_percentage: spec.target_cpu_utilization_percentage,
            target_oldest_job_seconds: Some(spec.target_oldest_job_seconds),
        }
    }
}
