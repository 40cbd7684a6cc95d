//! Problem details (RFC 9457).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// What went wrong, complete enough to act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Page about this kind of problem, relative to the API's host.
    #[serde(rename = "type")]
    #[schema(example = "/errors/validation_failed")]
    pub kind: String,
    /// The same for every problem of the kind.
    #[schema(example = "Request is not valid")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// Stable identifier of the kind, for programs.
    #[schema(example = "validation_failed")]
    pub code: String,
    /// What is wrong with this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request, as in the log and in `X-Request-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Each thing that is wrong, all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// What became of the thing since the version that `If-Match` names: fields that differ now, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
}

/// A field that is not what the caller saw any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldChange {
    /// JSON Pointer (RFC 6901) into the thing.
    #[schema(example = "/title")]
    pub pointer: String,
    /// The value that the caller saw.
    pub before: Value,
    /// The value now.
    pub after: Value,
    /// Who changed it last.
    pub actor_id: Option<Uuid>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the body, or `?name` for a query parameter.
    #[schema(example = "/title")]
    pub pointer: String,
    /// Stable identifier of the rule.
    #[schema(example = "invalid")]
    pub code: String,
    /// What is allowed.
    #[schema(example = "must have 1 to 200 characters")]
    pub detail: String,
}

impl Violation {
    /// A violation at `pointer`.
    pub fn new(
        pointer: impl Into<String>,
        code: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            detail: detail.into(),
        }
    }
}
