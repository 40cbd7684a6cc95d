//! What moves the number of a role's pods with the load.

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::{
        CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec,
        MetricSpec, MetricTarget, ResourceMetricSource,
    },
};
use kube::Resource as _;

use super::object_name;
use crate::platform::{
    apply::kube::metadata,
    validate::{RoleSpec, Scale, ValidatedPlatform},
};

/// The autoscaler of a role; `None` when its number of pods is fixed.
pub(super) fn autoscaler(
    p: &ValidatedPlatform,
    spec: &RoleSpec,
) -> Option<HorizontalPodAutoscaler> {
    let Scale::Automatic(bounds) = spec.scale else {
        return None;
    };
    let name = object_name(p, spec.role);
    let cpu = ResourceMetricSource {
        name: "cpu".to_owned(),
        target: MetricTarget {
            type_: "Utilization".to_owned(),
            average_utilization: Some(bounds.target_cpu_utilization_percentage),
            ..MetricTarget::default()
        },
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
            metrics: Some(vec![MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(cpu),
                ..MetricSpec::default()
            }]),
            behavior: None,
        }),
        status: None,
    })
}
