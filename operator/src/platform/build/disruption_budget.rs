//! How many pods of a role may be away at once.

use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};

use super::object_name;
use crate::platform::{
    metadata::{metadata, selector},
    validate::{RoleSpec, ValidatedPlatform},
};

/// One pod at a time; none at one replica, where a budget would only block the drain of a node, and none where the spec
/// wants none.
pub(super) fn disruption_budget(
    p: &ValidatedPlatform,
    spec: &RoleSpec,
) -> Option<PodDisruptionBudget> {
    (p.disruption_budget.enabled && spec.scale.least() > 1).then(|| PodDisruptionBudget {
        metadata: metadata(p, object_name(p, spec.role), Some(spec.role)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(selector(&p.name, Some(spec.role))),
                ..LabelSelector::default()
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
