//! The objects of Kubernetes that a Platform wants. Pure: no client here.

mod autoscaler;
mod client;
mod config_map;
mod container;
mod deployment;
mod disruption_budget;
mod exposure;
mod job;
mod monitoring;
mod network_policy;
mod service;

pub use autoscaler::{JOB_WAIT, autoscaler, follows_jobs};
pub use client::Client;
pub use container::CONTAINER;
pub use exposure::{http_route, ingress_names, ingresses};
pub use job::{MigrationStep, STEP_LABEL, UPGRADE_LABEL, migration_job};
pub use monitoring::{pod_monitor, prometheus_rule};
pub use network_policy::{network_policies, network_policy_names};

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};

use super::{
    metadata::metadata,
    validate::{Role, RoleSpec, ValidatedPlatform},
};

/// Everything of one role.
#[derive(Debug, Clone)]
pub struct RoleObjects {
    /// Who its pods are: nobody, without a token.
    pub service_account: ServiceAccount,
    /// Its configuration file.
    pub config_map: ConfigMap,
    /// Its pods.
    pub deployment: Deployment,
    /// How it is reached; for roles that answer requests.
    pub service: Option<Service>,
    /// How many pods may be away; for roles with more than one.
    pub disruption_budget: Option<PodDisruptionBudget>,
}

/// The objects of a role.
#[must_use]
pub fn role(p: &ValidatedPlatform, spec: &RoleSpec) -> RoleObjects {
    let config = config_map::role(p, spec);
    RoleObjects {
        service_account: service_account(p, object_name(p, spec.role), Some(spec.role)),
        deployment: deployment::deployment(p, spec, &config),
        config_map: config,
        service: service::service(p, spec.role),
        disruption_budget: disruption_budget::disruption_budget(p, spec),
    }
}

/// The service account and configuration of the migration.
#[must_use]
pub fn migration(p: &ValidatedPlatform) -> (ServiceAccount, ConfigMap) {
    (
        service_account(p, format!("{}-migrate", p.name), None),
        config_map::migration(p),
    )
}

/// `P-<role>`.
#[must_use]
pub fn object_name(p: &ValidatedPlatform, role: Role) -> String {
    format!("{}-{}", p.name, role.as_str())
}

fn service_account(p: &ValidatedPlatform, name: String, role: Option<Role>) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(p, name, role),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

#[cfg(test)]
mod tests;
