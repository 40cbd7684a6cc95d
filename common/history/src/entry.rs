//! Acts, as they are recorded and as callers see them.

use std::hash::Hash as _;

use chrono::{DateTime, Utc};
use common_http::{ApiResult, CursorKey, Limit, Reply};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// One recorded act.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Grows with time; where a page goes on.
    pub id: i64,
    /// Who acted; `None` for the platform itself.
    pub actor: Option<Uuid>,
    /// Such as `task.updated`.
    pub action: String,
    /// `{"field": {"before": …, "after": …}}`.
    pub diff: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// One act on a thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryView {
    /// Grows with time.
    #[schema(example = 10_042)]
    id: i64,
    /// Who acted.
    actor_id: Option<Uuid>,
    #[schema(example = "task.updated")]
    action: String,
    /// Changed fields, each with its value before and after.
    #[schema(value_type = Object, example = json!({"status": {"before": "todo", "after": "done"}}))]
    diff: Value,
    at: DateTime<Utc>,
}

impl From<Entry> for HistoryView {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            actor_id: entry.actor,
            action: entry.action,
            diff: entry.diff,
            at: entry.at,
        }
    }
}

/// A page of a history. `rows` has one row more than `limit` when it goes on; `list` tells its cursors from those of other
/// lists.
///
/// # Errors
/// As [`CursorKey::page`].
pub fn page(
    keys: &CursorKey,
    list: &impl Serialize,
    rows: Vec<Entry>,
    limit: Limit,
) -> ApiResult<Reply<Vec<HistoryView>>> {
    // An entry never changes.
    keys.page(
        list,
        rows,
        limit,
        |entry| entry.id,
        |entry, state| entry.id.hash(state),
    )
}
