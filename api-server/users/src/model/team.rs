//! A team and its members.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Error, Role};

/// A team's name: 1 to 100 characters without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeamName(String);

impl TeamName {
    /// Parses `text`; [`Error::Invalid`] at `/name`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Invalid {
            pointer: "/name",
            detail: "must have 1 to 100 characters and no control characters",
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    /// Role of the one who asks.
    pub(crate) role: Role,
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) user_id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) created_at: DateTime<Utc>,
}
