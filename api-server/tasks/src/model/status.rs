//! How far a task is.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a task is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not begun.
    #[default]
    Todo,
    /// Somebody is at it.
    Doing,
    /// Finished.
    Done,
}

impl Status {
    /// The word in the database and in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Doing => "doing",
            Self::Done => "done",
        }
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Todo, Self::Doing, Self::Done]
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or(())
    }
}
