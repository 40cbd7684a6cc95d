//! `Platform.status`: what the operator tells. Nothing is kept here alone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator saw and did last.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct PlatformStatus {
    /// Generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Version that every role runs; the former one until a roll-out is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// One line a person can act on; absent when nothing is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_on: Option<WaitingOn>,
    /// Conditions, one per type.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The roles.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["role"]))]
    pub roles: Vec<RoleStatus>,
    /// The signing keys, oldest first.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kid"]))]
    pub signing_keys: Vec<SigningKeyStatus>,
    /// When the next signing key takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_rotation_time: Option<Time>,
    /// The logins of the roles.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["client"]))]
    pub credentials: Vec<CredentialStatus>,
    /// The topics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<TopicsStatus>,
    /// What the upgrade that is wanted does; absent when every role runs the wanted image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last migration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<MigrationStatus>,
}

/// What the operator waits for.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct WaitingOn {
    /// Reason, of the same set as the conditions'.
    pub reason: String,
    /// What is missing and how to mend it.
    pub message: String,
    /// Since when.
    pub since: Time,
    /// When the operator looks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action_time: Option<Time>,
    /// How many times in a row it was tried; the pause grows with it.
    #[serde(default)]
    pub attempts: i64,
    /// URL of the page about the reason; a file of the repository where the operator was given no URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

/// One role.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// Name of the role.
    pub role: String,
    /// Pods wanted.
    pub desired: i32,
    /// Pods of the wanted version that answer.
    pub ready: i32,
    /// Version rolled out last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One signing key.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyStatus {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Pending, Published, Active, Retiring, Retired or Revoked.
    pub phase: String,
    /// When it entered the key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Time>,
    /// When it began to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Time>,
    /// Since when no pod signs with it any more: its retention counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_at: Option<Time>,
    /// How many pods have followed the phase when they were asked last, of how many, such as 3/4: that know a published key,
    /// sign with an active one, sign no more with a retiring one, refuse a revoked one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
    /// Why it is in this phase, if not by the calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One login.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CredentialStatus {
    /// Client, such as db-app.
    pub client: String,
    /// Name under which it logs in now; the other one of its two ends, or waits for the next change.
    #[serde(default)]
    pub login: String,
    /// Generation of the login's Secret.
    pub epoch: i64,
    /// Active, or Draining while the former login ends.
    #[serde(default)]
    pub phase: String,
    /// When the login was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// What the former login waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The topics.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TopicsStatus {
    /// Topics that stand as wanted.
    pub ready: i64,
    /// Topics wanted, dead-letter topics included.
    pub wanted: i64,
    /// Both, as ready/wanted.
    pub summary: String,
    /// Partitions of which some copy is behind or away.
    #[serde(default)]
    pub under_replicated: i64,
}

/// What an upgrade does.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Of the image and of all that it migrates; migration.approvedPlan approves exactly this.
    pub hash: String,
    /// Version that the roles come to.
    pub version: String,
    /// What is missing in the databases, in the order in which it is applied.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub migrations: Vec<PlannedMigration>,
    /// Roles whose pods are replaced, in their order.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub roles: Vec<String>,
}

/// A migration that is not applied yet.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PlannedMigration {
    /// application or analytics.
    pub database: String,
    /// Number and name.
    pub name: String,
    /// expand (before the roles roll) or contract (after the last old pod has ended).
    pub phase: String,
}

/// The last migration.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct MigrationStatus {
    /// Version whose migrations were applied last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Job that did it or is at it.
    pub job: String,
}

/// Types of the conditions. Every one is present from the first pass on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// All of it works (summary).
    Ready,
    /// The operator is at work (kstatus).
    Reconciling,
    /// Somebody has to act (kstatus).
    Stalled,
    /// The spec and what it names can be used.
    SpecValid,
    /// The databases stand.
    DatabaseReady,
    /// The Redis namespaces stand.
    RedisReady,
    /// The topics stand.
    EventsReady,
    /// The roles' logins are proved.
    CredentialsReady,
    /// The key ring and what is made from it stand.
    SigningKeyReady,
    /// The databases have the schema of the wanted version.
    Migrated,
    /// Every role runs the wanted version.
    RolesReady,
    /// The platform is reached from outside as wanted.
    ExposureReady,
}

impl ConditionType {
    /// Every type, in the order of the status.
    pub const ALL: [Self; 12] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::SpecValid,
        Self::DatabaseReady,
        Self::RedisReady,
        Self::EventsReady,
        Self::CredentialsReady,
        Self::SigningKeyReady,
        Self::Migrated,
        Self::RolesReady,
        Self::ExposureReady,
    ];

    /// The value of `type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::SpecValid => "SpecValid",
            Self::DatabaseReady => "DatabaseReady",
            Self::RedisReady => "RedisReady",
            Self::EventsReady => "EventsReady",
            Self::CredentialsReady => "CredentialsReady",
            Self::SigningKeyReady => "SigningKeyReady",
            Self::Migrated => "Migrated",
            Self::RolesReady => "RolesReady",
            Self::ExposureReady => "ExposureReady",
        }
    }
}
