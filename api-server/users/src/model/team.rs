//! A team.

use chrono::{DateTime, Utc};
use common_history::Diff;
use common_http::TextRule;
use common_http::text::ONE_LINE;
use serde_json::json;
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

/// A team as one of its members sees it.
#[derive(Debug, Clone)]
pub(crate) struct Team {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) is_archived: bool,
    /// Counts its changes and those of its members.
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Role of the one who asks.
    pub(crate) role: Role,
}

/// What differs between two states of a team; `before` is `None` for a new one.
pub(crate) fn changed(before: Option<&Team>, after: &Team) -> Diff {
    let fields = |team: &Team| {
        [
            ("name", json!(team.name)),
            ("is_archived", json!(team.is_archived)),
        ]
    };
    Diff::between(before.map(fields), fields(after))
}
