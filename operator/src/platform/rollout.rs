//! The roles, one after the other: each is applied once the one before it runs as wanted, so that a version that
//! does not start stops at the first role.

use crds::{Reason, RoleStatus};
use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, core::v1::Pod,
    policy::v1::PodDisruptionBudget,
};
use kube::{Api, ResourceExt as _};
use serde_json::Value;

use super::{
    Context, StepError,
    apply::kube::{ensure, holds, keep, remove},
    autoscale::autoscale,
    build,
    metadata::{selector, with_labels},
    pods::trouble,
    removal::remove_role,
    scale::hand_over,
    validate::{RoleSpec, Scale, ValidatedPlatform},
};

/// How far a roll-out came.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The roles that were looked at.
    pub(crate) roles: Vec<RoleStatus>,
    /// The roles that are switched off, and of which nothing is left.
    pub(crate) removed: Vec<String>,
    /// Why it went no further; `None` when every role runs as wanted.
    pub(crate) blocked: Option<StepError>,
    /// Whether Kubernetes has given the blocked role up: its new pods made no progress in their time.
    pub(crate) given_up: bool,
}

/// Applies the roles in order, as far as they run.
pub(crate) async fn roll_out(cx: &Context, p: &ValidatedPlatform) -> Progress {
    let mut progress = Progress::default();
    for spec in &p.roles {
        if spec.is_off() {
            if let Err(error) = remove_role(cx, p, spec.role).await {
                progress.blocked = Some(error);
                return progress;
            }
            progress.removed.push(spec.role.as_str().to_owned());
            continue;
        }
        match roll_out_role(cx, p, spec).await {
            Ok(deployment) => {
                let outcome = look(cx, p, spec, &deployment).await;
                progress
                    .roles
                    .push(status(p, spec, &deployment, outcome.is_ok()));
                if let Err(error) = outcome {
                    progress.blocked = Some(error);
                    progress.given_up = is_given_up(&deployment);
                    return progress;
                }
            }
            Err(error) => {
                progress.blocked = Some(error);
                return progress;
            }
        }
    }
    progress
}

/// The roles whose pods are replaced when the spec is applied, in their order.
pub(crate) async fn replaced(
    cx: &Context,
    p: &ValidatedPlatform,
) -> Result<Vec<String>, StepError> {
    let api: Api<Deployment> = Api::namespaced(cx.client.clone(), &p.namespace);
    let mut roles = Vec::new();
    for spec in &p.roles {
        let wanted = build::role(p, spec).deployment;
        let name = wanted.name_any();
        let what = format!("Deployment {}/{name}", p.namespace);
        let found = api
            .get_opt(&name)
            .await
            .map_err(|error| StepError::of_kube(&what, &error))?;
        let template = |deployment: Deployment| -> Result<Value, StepError> {
            serde_json::to_value(deployment.spec.map(|spec| spec.template)).map_err(|error| {
                StepError::terminal(Reason::ApplyRefused, format!("{what}: {error}"))
            })
        };
        if let Some(found) = found
            && !holds(&template(found)?, &template(wanted)?)
        {
            roles.push(spec.role.as_str().to_owned());
        }
    }
    Ok(roles)
}

async fn roll_out_role(
    cx: &Context,
    p: &ValidatedPlatform,
    spec: &RoleSpec,
) -> Result<Deployment, StepError> {
    let objects = build::role(p, spec);
    keep(cx, &objects.service_account).await?;
    keep(cx, &objects.config_map).await?;
    let name = build::object_name(p, spec.role);
    // Before the number of pods is ours again: an autoscaler that is left would move it back.
    if matches!(spec.scale, Scale::Fixed(_)) {
        remove::<HorizontalPodAutoscaler>(cx, p, &name).await?;
    }
    hand_over(cx, spec, &objects.deployment).await?;
    let (_, deployment) = ensure(cx, &objects.deployment).await?;
    autoscale(cx, p, spec).await?;
    if let Some(service) = &objects.service {
        keep(cx, service).await?;
    }
    match &objects.disruption_budget {
        Some(budget) => keep(cx, budget).await?,
        None => remove::<PodDisruptionBudget>(cx, p, &name).await?,
    }
    Ok(deployment)
}

/// Whether the Deployment runs as wanted; if not, what keeps it.
async fn look(
    cx: &Context,
    p: &ValidatedPlatform,
    spec: &RoleSpec,
    deployment: &Deployment,
) -> Result<(), StepError> {
    if is_rolled_out(deployment, spec.scale) {
        return Ok(());
    }
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let pods = api
        .list(&with_labels(&selector(&p.name, Some(spec.role))))
        .await
        .map_err(|error| {
            StepError::of_kube(&format!("pods of role {}", spec.role.as_str()), &error)
        })?;
    let role = spec.role.as_str();
    Err(match trouble(&pods.items) {
        Some(error) => StepError {
            message: format!("role {role}: {}", error.message),
            ..error
        },
        None => StepError::waiting(
            Reason::RolloutPending,
            format!(
                "role {role}: {}",
                how_far(deployment, desired(deployment).max(spec.scale.least()))
            ),
        ),
    })
}

/// How far the pods of a Deployment are. Those of the former version are ready, too, and are no news.
fn how_far(deployment: &Deployment, wanted: i32) -> String {
    let status = deployment.status.clone().unwrap_or_default();
    let updated = status.updated_replicas.unwrap_or_default();
    let waiting = status.unavailable_replicas.unwrap_or_default();
    let former = status.replicas.unwrap_or_default() - updated;
    let ready = ready(deployment);
    if ready < wanted {
        format!("{ready} of {wanted} pods are ready")
    } else if updated < wanted || waiting > 0 {
        format!("{updated} of {wanted} pods are new, and {waiting} not ready")
    } else if former > 0 {
        format!("{former} of the former version's pods are ending")
    } else if status.observed_generation < deployment.metadata.generation {
        "its change is new to Kubernetes".to_owned()
    } else {
        format!("{ready} ready where {wanted} are wanted")
    }
}

/// Whether every wanted pod is new and available, and no old one is left. An autoscaler that adds or takes away pods of
/// the newest version rolls nothing out.
pub(super) fn is_rolled_out(deployment: &Deployment, scale: Scale) -> bool {
    let Some(status) = &deployment.status else {
        return false;
    };
    let all = status.replicas.unwrap_or_default();
    let updated = status.updated_replicas.unwrap_or_default();
    let available = status.available_replicas.unwrap_or_default();
    status.observed_generation >= deployment.metadata.generation
        && updated == all
        && available >= scale.least()
        && match scale {
            Scale::Fixed(wanted) => all == wanted,
            Scale::Automatic(_) => true,
        }
}

/// Pods that the Deployment asks for, whoever said how many.
fn desired(deployment: &Deployment) -> i32 {
    deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.replicas)
        .unwrap_or_default()
}

/// Whether the new pods made no progress within `progressDeadlineSeconds`.
fn is_given_up(deployment: &Deployment) -> bool {
    let Some(status) = &deployment.status else {
        return false;
    };
    status.observed_generation >= deployment.metadata.generation
        && status.conditions.iter().flatten().any(|condition| {
            condition.type_ == "Progressing"
                && condition.status == "False"
                && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
        })
}

fn ready(deployment: &Deployment) -> i32 {
    deployment
        .status
        .as_ref()
        .and_then(|status| status.ready_replicas)
        .unwrap_or_default()
}

fn status(
    p: &ValidatedPlatform,
    spec: &RoleSpec,
    deployment: &Deployment,
    rolled_out: bool,
) -> RoleStatus {
    RoleStatus {
        role: spec.role.as_str().to_owned(),
        desired: desired(deployment),
        ready: ready(deployment),
        version: rolled_out.then(|| p.image.version.clone()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::platform::validate::Autoscaling;

    #[rstest]
    #[case::all(json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}), true)]
    #[case::old_generation(json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}), false)]
    #[case::old_pod_left(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2}), false)]
    #[case::not_available(json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}), false)]
    #[case::nothing_known(Value::Null, false)]
    fn rolled_out_means_new_and_available_and_alone(#[case] status: Value, #[case] done: bool) {
        let deployment: Deployment =
            serde_json::from_value(json!({"metadata": {"generation": 2}, "status": status}))
                .expect("a deployment");
        assert_eq!(is_rolled_out(&deployment, Scale::Fixed(2)), done);
    }

    #[rstest]
    #[case::first(json!({"replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1}), "0 of 2 pods are ready")]
    #[case::new_one_hangs(json!({"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "unavailableReplicas": 1}), "1 of 2 pods are new, and 1 not ready")]
    #[case::not_looked_at(json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}), "its change is new to Kubernetes")]
    #[case::too_many(json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3}), "3 ready where 2 are wanted")]
    #[case::old_ones_end(json!({"replicas": 3, "updatedReplicas": 2, "readyReplicas": 3}), "1 of the former version's pods are ending")]
    fn the_ready_pods_of_the_former_version_are_no_news(
        #[case] status: Value,
        #[case] words: &str,
    ) {
        let deployment: Deployment =
            serde_json::from_value(json!({"metadata": {"generation": 2}, "status": status}))
                .expect("a deployment");
        assert_eq!(how_far(&deployment, 2), words);
    }

    #[rstest]
    #[case::least(2, 2, 2, true)]
    #[case::one_more_is_starting(3, 3, 2, true)]
    #[case::old_pod_left(3, 2, 3, false)]
    #[case::too_few(1, 1, 1, false)]
    fn an_autoscaler_at_work_is_no_roll_out(
        #[case] all: i32,
        #[case] updated: i32,
        #[case] available: i32,
        #[case] done: bool,
    ) {
        let deployment: Deployment = serde_json::from_value(json!({"status": {
            "replicas": all, "updatedReplicas": updated, "availableReplicas": available,
        }}))
        .expect("a deployment");
        let bounds = Autoscaling {
            min_replicas: 2,
            max_replicas: 4,
            target_cpu_utilization_percentage: 80,
            target_oldest_job_seconds: None,
        };
        assert_eq!(is_rolled_out(&deployment, Scale::Automatic(bounds)), done);
    }
}
