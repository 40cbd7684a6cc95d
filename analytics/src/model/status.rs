//! The state of a task, as events name it.

use serde::Deserialize;

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Not begun.
    Todo,
    /// Begun.
    Doing,
    /// Completed.
    Done,
}
