//! Pods that still run what the new version takes away: while there is one, the rest of the migration waits.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};

use crate::platform::{
    Context, StepError,
    build::CONTAINER,
    metadata::{selector, with_labels},
    pods::has_ended,
    validate::{Role, ValidatedPlatform},
};

/// Names of the roles' pods that run another image than the Platform's, those that are ending included, or a role that is
/// switched off.
pub(super) async fn former_pods(
    cx: &Context,
    p: &ValidatedPlatform,
) -> Result<Vec<String>, StepError> {
    let api: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let pods = api
        .list(&with_labels(&selector(&p.name, None)))
        .await
        .map_err(|error| {
            StepError::of_kube(&format!("pods of namespace {}", p.namespace), &error)
        })?;
    Ok(pods
        .iter()
        .filter(|pod| is_former(pod, p))
        .map(ResourceExt::name_any)
        .collect())
}

fn is_former(pod: &Pod, p: &ValidatedPlatform) -> bool {
    let role = pod.labels().get("app.kubernetes.io/component");
    let Some(role) = role.and_then(|name| Role::parse(name)) else {
        return false;
    };
    let image = pod
        .spec
        .iter()
        .flat_map(|spec| &spec.containers)
        .find(|container| container.name == CONTAINER)
        .and_then(|container| container.image.as_ref());
    let is_off = |role| {
        p.roles
            .iter()
            .any(|spec| spec.role == role && spec.is_off())
    };
    !has_ended(pod) && (image != Some(&p.image.reference) || is_off(role))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::platform::validate::sample::sample;

    #[rstest]
    #[case::of_the_new_version("web", "crewdeck.io/crewdeck:0.1.0", "Running", false)]
    #[case::of_the_former_one("web", "crewdeck.io/crewdeck:0.0.9", "Running", true)]
    #[case::that_never_started("web", "crewdeck.io/crewdeck:0.0.9", "Pending", true)]
    #[case::that_has_ended("web", "crewdeck.io/crewdeck:0.0.9", "Succeeded", false)]
    #[case::of_a_role_that_is_off("realtime", "crewdeck.io/crewdeck:0.1.0", "Running", true)]
    #[case::of_a_migration("migrate", "crewdeck.io/crewdeck:0.0.9", "Running", false)]
    fn a_pod_is_former(
        #[case] component: &str,
        #[case] image: &str,
        #[case] phase: &str,
        #[case] expected: bool,
    ) {
        let mut p = sample();
        for spec in &mut p.roles {
            if spec.role == Role::Realtime {
                spec.scale = crate::platform::validate::Scale::Fixed(0);
            }
        }
        // One that is being deleted runs until its end.
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {
                "labels": {"app.kubernetes.io/component": component},
                "deletionTimestamp": "2027-01-15T08:00:00Z",
            },
            "spec": {"containers": [
                {"name": "sidecar", "image": "other:1"}, {"name": "crewdeck", "image": image},
            ]},
            "status": {"phase": phase},
        }))
        .expect("a pod");
        assert_eq!(is_former(&pod, &p), expected);
    }
}
