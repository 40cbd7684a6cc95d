//! How a Platform comes to another image: its migrations, then its roles.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the database is migrated: what the former version works with too before roles roll, the rest after the last of
/// its pods has ended.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!has(self.approvedPlan) || self.approval == 'Manual'").message("migration.approvedPlan has a meaning only with migration.approval: Manual; set that, or take approvedPlan out"))]
pub struct MigrationSpec {
    /// Whether a plan that migrates something waits for a person.
    #[serde(default)]
    pub approval: Approval,
    /// With approval Manual: the hash of the plan that may be carried out, as in status.plan.hash. It holds for that plan
    /// alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{16}$"))]
    pub approved_plan: Option<String>,
    /// Seconds after which a migration that has not ended counts as failed.
    #[serde(default = "MigrationSpec::default_deadline")]
    #[schemars(range(min = 30, max = 86_400))]
    pub deadline_seconds: i64,
    /// Raise it by one to try a failed upgrade again.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub retry: i64,
}

/// Who lets a plan pass.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Approval {
    /// The operator, at once.
    #[default]
    Automatic,
    /// A person, by migration.approvedPlan.
    Manual,
}

/// How the roles come to another image.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolloutSpec {
    /// Seconds within which the new pods of a role have to make progress; after that the roll has failed.
    #[serde(default = "RolloutSpec::default_deadline")]
    #[schemars(range(min = 10, max = 86_400))]
    pub progress_deadline_seconds: i64,
    /// What becomes of a roll that has failed.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What becomes of a roll that has failed.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The roles go back to the last image that all of them ran, as long as the database suits it.
    #[default]
    Rollback,
    /// The roles stay as they are: those not yet reached serve the former image.
    Hold,
}

impl MigrationSpec {
    fn default_deadline() -> i64 {
        600
    }
}

impl Default for MigrationSpec {
    fn default() -> Self {
        Self {
            approval: Approval::default(),
            approved_plan: None,
            deadline_seconds: Self::default_deadline(),
            retry: 0,
        }
    }
}

impl RolloutSpec {
    fn default_deadline() -> i64 {
        600
    }
}

impl Default for RolloutSpec {
    fn default() -> Self {
        Self {
            progress_deadline_seconds: Self::default_deadline(),
            on_failure: OnFailure::default(),
        }
    }
}
