//! From a fixed number of pods to one that the autoscaler moves, without a moment in which it is neither: a field that
//! its only owner sends no longer falls back to its default, which is one pod.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Resource as _, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{
    Context, StepError,
    apply::kube::require_ours,
    metadata::FIELD_MANAGER,
    validate::{Autoscaling, RoleSpec, Scale},
};

/// Field manager that holds a number of pods until the autoscaler first changes it.
const KEEPER: &str = "crewdeck-operator-replicas";

/// Before the Deployment of an autoscaled role is sent without `replicas`: gives the number that stands to a manager of
/// its own, so that it stays. Does nothing when that was done, or when somebody else holds the number.
///
/// # Errors
/// What the API server says; when somebody writes at the same time, the next pass looks again.
pub(super) async fn hand_over(
    cx: &Context,
    spec: &RoleSpec,
    wanted: &Deployment,
) -> Result<(), StepError> {
    let Scale::Automatic(bounds) = spec.scale else {
        return Ok(());
    };
    let (name, namespace) = (wanted.name_any(), wanted.namespace().unwrap_or_default());
    let what = format!("Deployment {namespace}/{name}");
    let api: Api<Deployment> = Api::namespaced(cx.client.clone(), &namespace);
    let refused = |error| StepError::of_kube(&what, &error);
    let Some(found) = api.get_opt(&name).await.map_err(refused)? else {
        return Ok(());
    };
    require_ours(&what, &found.metadata, &wanted.metadata)?;
    let Some(replicas) = kept(&found, bounds) else {
        return Ok(());
    };
    // Over exactly what was read: the autoscaler may be at work already.
    let body = json!({
        "apiVersion": Deployment::api_version(&()),
        "kind": Deployment::kind(&()),
        "metadata": {"name": name, "resourceVersion": found.resource_version()},
        "spec": {"replicas": replicas},
    });
    let parameters = PatchParams::apply(KEEPER).force();
    api.patch(&name, &parameters, &Patch::Apply(&body))
        .await
        .map_err(refused)?;
    tracing::info!(object = %what, replicas, "the number of pods is the autoscaler's");
    Ok(())
}

/// The number of pods to keep; `None` when there is nothing to hand over. An autoscaler leaves a Deployment without pods
/// alone, so that a role that was switched off begins with the least.
fn kept(found: &Deployment, bounds: Autoscaling) -> Option<i32> {
    let replicas = found.spec.as_ref().and_then(|spec| spec.replicas)?;
    let ours = found.metadata.managed_fields.iter().flatten().any(|entry| {
        let fields = entry.fields_v1.as_ref();
        entry.manager.as_deref() == Some(FIELD_MANAGER)
            && entry.operation.as_deref() == Some("Apply")
            && fields.is_some_and(|fields| fields.0["f:spec"].get("f:replicas").is_some())
    });
    (ours || replicas == 0).then(|| replicas.clamp(bounds.min_replicas, bounds.max_replicas))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::ours(FIELD_MANAGER, 3, Some(3))]
    #[case::ours_below(FIELD_MANAGER, 1, Some(2))]
    #[case::ours_above(FIELD_MANAGER, 9, Some(5))]
    #[case::switched_off_before(FIELD_MANAGER, 0, Some(2))]
    #[case::kept_already(KEEPER, 3, None)]
    #[case::of_the_autoscaler("kube-controller-manager", 4, None)]
    #[case::stopped_by_hand("kubectl", 0, Some(2))]
    fn the_number_that_stands_is_kept_within_the_bounds(
        #[case] owner: &str,
        #[case] replicas: i32,
        #[case] expected: Option<i32>,
    ) {
        let found = serde_json::from_value(json!({
            "metadata": {"managedFields": [
                {"manager": owner, "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:template": {}}}},
            ]},
            "spec": {"replicas": replicas, "selector": {}, "template": {}},
        }))
        .expect("a deployment");
        let bounds = Autoscaling {
            min_replicas: 2,
            max_replicas: 5,
            target_cpu_utilization_percentage: 80,
            target_oldest_job_seconds: None,
        };
        assert_eq!(kept(&found, bounds), expected);
    }
}
