//! Before or after the roll of a new version.

use serde::{Deserialize, Serialize};
use sqlx::migrate::Migration;

/// When a migration is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the first process of the new version starts: the old code works with it.
    Expand,
    /// After the last process of the old version has ended: only the new code works with it.
    Contract,
}

impl Phase {
    /// Both, in the order in which they are applied.
    pub const ALL: [Self; 2] = [Self::Expand, Self::Contract];

    /// The phase of a migration of this name. One that does not say so is taken for a `contract`, since nobody vouches
    /// for the old code.
    #[must_use]
    pub fn of(description: &str) -> Self {
        match description.split([' ', '_']).next() {
            Some("expand") => Self::Expand,
            _ => Self::Contract,
        }
    }

    /// The word in a migration's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Contract => "contract",
        }
    }

    pub(super) fn has(self, migration: &Migration) -> bool {
        Self::of(&migration.description) == self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_tells() {
        for (description, phase) in [
            ("expand users", Phase::Expand),
            ("expand_users", Phase::Expand),
            ("contract users", Phase::Contract),
            ("expanded users", Phase::Contract),
            ("", Phase::Contract),
        ] {
            assert_eq!(Phase::of(description), phase, "{description}");
        }
    }
}
