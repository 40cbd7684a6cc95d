//! How many pods may be away at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A budget for each role that has two pods or more: one of them may be away at once, as when nodes are drained. A role with one
/// pod has none, since it would only keep its node from being drained.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DisruptionBudgetSpec {
    /// Whether there are any; without them, budgets of your own may stand in their place.
    pub enabled: bool,
}

impl Default for DisruptionBudgetSpec {
    fn default() -> Self {
        Self { enabled: true }
    }
}
