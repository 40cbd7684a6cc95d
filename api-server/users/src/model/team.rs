//! A team and its members.

use chrono::{DateTime, Utc};
use common_http::TextRule;
use common_http::text::ONE_LINE;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::{Error, Role};

static NAME: TextRule = TextRule::chars(1, 100).like(ONE_LINE);

/// A team's name: 1 to 100 characters without control characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeamName(String);

impl TeamName {
    /// Parses `text`; [`Error::Invalid`] at `/name`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if NAME.allows(text) {
            return Ok(Self(text.trim().to_owned()));
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

impl PartialSchema for TeamName {
    fn schema() -> RefOr<Schema> {
        NAME.schema()
            .description(Some("1 to 100 characters without control characters"))
            .examples(["Analytical Engine"])
            .into()
    }
}

impl ToSchema for TeamName {}

#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    /// Role of the one who asks.
    pub(crate) role: Role,
}

#[derive(Debug, Clone, Hash)]
pub(crate) struct Member {
    pub(crate) user_id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) created_at: DateTime<Utc>,
}
