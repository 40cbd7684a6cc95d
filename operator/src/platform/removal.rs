//! Takes away what is left of a role that is switched off.

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Pod, Service, ServiceAccount},
    networking::v1::NetworkPolicy,
    policy::v1::PodDisruptionBudget,
};
use kube::Api;

use super::{
    Context, StepError,
    apply::kube::{is_absent, remove},
    build,
    metadata::{selector, with_labels},
    validate::{Role, ValidatedPlatform},
};

/// Removes every object of a role: first what brings it requests, then its pods, then what these read, and at last, in a later
/// pass when its last pod has ended, what shut them in.
///
/// Logins are of no single role, and those of analytics lead to a database of its own: what was made on servers stays, so that
/// a role that is switched on again goes on where it was.
pub(super) async fn remove_role(
    cx: &Context,
    p: &ValidatedPlatform,
    role: Role,
) -> Result<(), StepError> {
    let name = build::object_name(p, role);
    remove::<Service>(cx, p, &name).await?;
    remove::<HorizontalPodAutoscaler>(cx, p, &name).await?;
    remove::<PodDisruptionBudget>(cx, p, &name).await?;
    remove::<Deployment>(cx, p, &name).await?;
    remove::<ConfigMap>(cx, p, &format!("{name}-config")).await?;
    remove::<ServiceAccount>(cx, p, &name).await?;
    if is_absent::<NetworkPolicy>(cx, p, &name) || has_pods(cx, p, role).await? {
        return Ok(());
    }
    remove::<NetworkPolicy>(cx, p, &name).await
}

/// Whether a pod of the role is left.
async fn has_pods(cx: &Context, p: &ValidatedPlatform, role: Role) -> Result<bool, StepError> {
    let pods: Api<Pod> = Api::namespaced(cx.client.clone(), &p.namespace);
    let of_role = with_labels(&selector(&p.name, Some(role)));
    let found = pods.list(&of_role).await.map_err(|error| {
        StepError::of_kube(&format!("pods of namespace {}", p.namespace), &error)
    })?;
    Ok(!found.items.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        platform::{apply::kube::ensure, validate::sample::sample},
        testing::Api as Server,
    };

    #[tokio::test]
    async fn all_of_a_role_goes_and_nothing_else() {
        let server = Server::default();
        let (cx, p) = (server.context(), sample());
        for policy in build::network_policies(&p, &[]) {
            ensure(&cx, &policy).await.unwrap();
        }
        for spec in &p.roles {
            let objects = build::role(&p, spec);
            ensure(&cx, &objects.service_account).await.unwrap();
            ensure(&cx, &objects.config_map).await.unwrap();
            ensure(&cx, &objects.deployment).await.unwrap();
            if let Some(service) = &objects.service {
                ensure(&cx, service).await.unwrap();
            }
        }
        let foreign = "/api/v1/namespaces/crewdeck/services/demo-realtime";
        server.put(foreign, |service| {
            service["metadata"]["ownerReferences"] = json!([]);
        });
        let before = server.paths();
        for role in [Role::Realtime, Role::Analytics] {
            remove_role(&cx, &p, role).await.unwrap();
            // It is gone already.
            remove_role(&cx, &p, role).await.unwrap();
        }
        let left = server.paths();
        let gone: Vec<&str> = before
            .iter()
            .filter(|path| !left.contains(path))
            .filter_map(|path| path.split_once("/crewdeck/").map(|(_, name)| name))
            .collect();
        assert_eq!(
            gone,
            [
                "configmaps/demo-analytics-config",
                "configmaps/demo-realtime-config",
                "serviceaccounts/demo-analytics",
                "serviceaccounts/demo-realtime",
                "services/demo-analytics",
                "deployments/demo-analytics",
                "deployments/demo-realtime",
                "networkpolicies/demo-analytics",
                "networkpolicies/demo-realtime",
            ],
            "the Service that is not ours stays"
        );
    }

    #[tokio::test]
    async fn a_pod_is_shut_in_until_it_has_ended() {
        let server = Server::default();
        let (cx, p) = (server.context(), sample());
        for policy in build::network_policies(&p, &[]) {
            ensure(&cx, &policy).await.unwrap();
        }
        let policy = "/apis/networking.k8s.io/v1/namespaces/crewdeck/networkpolicies/demo-realtime";
        let pod = "/api/v1/namespaces/crewdeck/pods/demo-realtime-1";
        let labels = selector(&p.name, Some(Role::Realtime));
        server.insert(
            pod,
            json!({"metadata": {"name": "demo-realtime-1", "labels": labels}}),
        );
        remove_role(&cx, &p, Role::Realtime).await.unwrap();
        assert!(server.object(policy).is_some(), "its last pod is open");
        // It ends while another role's policy is taken away.
        server.meanwhile(|objects| drop(objects.remove(pod)));
        remove_role(&cx, &p, Role::Analytics).await.unwrap();
        remove_role(&cx, &p, Role::Realtime).await.unwrap();
        assert_eq!(server.object(policy), None);
    }
}
