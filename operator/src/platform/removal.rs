//! Takes away what is left of a role that is switched off.

use k8s_openapi::api::{
    apps::v1::Deployment,
    autoscaling::v2::HorizontalPodAutoscaler,
    core::v1::{ConfigMap, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};

use super::{
    Context, StepError,
    apply::kube::remove,
    build,
    validate::{Role, ValidatedPlatform},
};

/// Removes every object of a role: first what brings it requests, then its pods, then what these read.
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
    remove::<ServiceAccount>(cx, p, &name).await
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
            ],
            "the Service that is not ours stays"
        );
    }
}
