//! What moves the number of a role's pods with the load.

use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        autoscaling::v2::{
            CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
            MetricIdentifier, MetricSpec, MetricTarget, PodsMetricSource, ResourceMetricSource,
        },
    },
    apimachinery::pkg::api::resource::Quantity,
};
use kube::Resource as _;

use super::object_name;
use crate::platform::{
    metadata::metadata,
    validate::{RoleSpec, Scale, ValidatedPlatform},
};

/// How long the oldest job has waited, as each worker measures it.
pub const JOB_WAIT: &str = "jobs_longest_wait_seconds";

/// The autoscaler of a role; `None` when its number of pods is fixed. `measured` tells whether autoscalers can ask for
/// [`JOB_WAIT`]: one with a metric that nobody serves takes no pod away any more, even beside another that is served.
#[must_use]
pub fn autoscaler(
    p: &ValidatedPlatform,
    spec: &RoleSpec,
    measured: bool,
) -> Option<HorizontalPodAutoscaler> {
    let Scale::Automatic(bounds) = spec.scale else {
        return None;
    };
    let name = object_name(p, spec.role);
    let metric = match bounds.target_oldest_job_seconds {
        Some(seconds) if measured => job_wait(seconds),
        _ => cpu(bounds.target_cpu_utilization_percentage),
    };
    Some(HorizontalPodAutoscaler {
        metadata: metadata(p, name.clone(), Some(spec.role)),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(Deployment::api_version(&()).into_owned()),
                kind: Deployment::kind(&()).into_owned(),
                name,
            },
            min_replicas: Some(bounds.min_replicas),
            max_replicas: bounds.max_replicas,
            metrics: Some(vec![metric]),
            behavior: None,
        }),
        status: None,
    })
}

/// Whether an autoscaler follows the age of jobs.
#[must_use]
pub fn follows_jobs(autoscaler: &HorizontalPodAutoscaler) -> bool {
    let spec = autoscaler.spec.as_ref();
    let mut metrics = spec.iter().flat_map(|spec| spec.metrics.iter().flatten());
    metrics.any(|metric| {
        let pods = metric.pods.as_ref();
        pods.is_some_and(|pods| pods.metric.name == JOB_WAIT)
    })
}

/// The use of CPU, in percent of what is requested.
fn cpu(percent: i32) -> MetricSpec {
    MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: "cpu".to_owned(),
            target: MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}

/// The age of the oldest job. Every worker tells the same one, so that their average is it.
fn job_wait(seconds: i32) -> MetricSpec {
    MetricSpec {
        type_: "Pods".to_owned(),
        pods: Some(PodsMetricSource {
            metric: MetricIdentifier {
                name: JOB_WAIT.to_owned(),
                selector: None,
            },
            target: MetricTarget {
                type_: "AverageValue".to_owned(),
                average_value: Some(Quantity(seconds.to_string())),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}
