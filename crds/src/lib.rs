//! The resource `Platform` of `crewdeck.io`: its types, its CEL rules and the reasons of its conditions.
//!
//! No client and no logic: whatever reads or writes the resource shares these types.

mod autoscaling;
mod disruption_budget;
mod exposure;
mod manifest;
mod monitoring;
mod network;
mod platform;
mod reason;
mod roles;
mod signing;
mod source;
mod status;
mod template;
mod upgrade;

pub use autoscaling::{Autoscaling, WorkerAutoscaling};
pub use disruption_budget::DisruptionBudgetSpec;
pub use exposure::{ExposureSpec, GatewayReference, HttpRouteSpec, IngressSpec};
pub use manifest::{GENERATION_ANNOTATION, SCHEMA_GENERATION, definition, manifests};
pub use monitoring::MonitoringSpec;
pub use network::NetworkPolicySpec;
pub use platform::{
    FORCE_RELEASE_ANNOTATION, ImageSpec, Platform, PlatformSpec, PullPolicy, PullSecret,
};
pub use reason::Reason;
pub use roles::{RolesSpec, ScaledRole, SingleRole, SwitchedRole, WorkerRole};
pub use signing::{LONGEST_TOKEN_SECONDS, RevokedKey, SigningSpec};
pub use source::{
    CredentialsSpec, DatabaseSpec, DeletionPolicy, EventsSpec, KafkaSpec, RedisSpec,
    SecretReference, TopicName, TopicSetting, TopicSpec, Transport,
};
pub use status::{
    ConditionType, CredentialStatus, MigrationStatus, PlanStatus, PlannedMigration, PlatformStatus,
    RoleStatus, SigningKeyStatus, TopicsStatus, WaitingOn,
};
pub use template::{EnvVariable, Resources, RoleTemplate, RolesTemplate};
pub use upgrade::{Approval, MigrationSpec, OnFailure, RolloutSpec};
