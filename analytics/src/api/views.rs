//! What callers see of the model.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{Day, Summary};

/// The numbers of a team.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SummaryView {
    team_id: Uuid,
    /// Tasks that are not archived.
    #[schema(example = 12)]
    total: i64,
    by_status: ByStatus,
    /// Archived tasks.
    #[schema(example = 4)]
    archived: i64,
    /// Neither archived nor done, and past their due time.
    #[schema(example = 1)]
    overdue: i64,
    #[schema(example = 5)]
    members: i64,
    /// The last 30 days, oldest first, today included.
    daily: Vec<DayView>,
    /// When the counts were true; null if the replica cannot know how far behind it is.
    as_of: Option<DateTime<Utc>>,
    /// Seconds that the replica was behind when the counts were read; null if it cannot know.
    #[schema(example = 0.0)]
    replica_lag_seconds: Option<f64>,
}

/// Tasks that are not archived, by status.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ByStatus {
    #[schema(example = 5)]
    todo: i64,
    #[schema(example = 3)]
    doing: i64,
    #[schema(example = 4)]
    done: i64,
}

/// What happened on a day (UTC).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DayView {
    #[schema(example = "2026-03-01")]
    day: NaiveDate,
    /// Tasks created on that day.
    #[schema(example = 3)]
    created: i64,
    /// Tasks completed on that day.
    #[schema(example = 2)]
    completed: i64,
}

impl From<Summary> for SummaryView {
    fn from(summary: Summary) -> Self {
        let counts = summary.counts;
        Self {
            team_id: summary.team_id,
            total: counts.total,
            by_status: ByStatus {
                todo: counts.todo,
                doing: counts.doing,
                done: counts.done,
            },
            archived: counts.archived,
            overdue: counts.overdue,
            members: counts.members,
            daily: summary.daily.into_iter().map(DayView::from).collect(),
            as_of: summary.as_of,
            replica_lag_seconds: counts.replica_lag_seconds,
        }
    }
}

impl From<Day> for DayView {
    fn from(day: Day) -> Self {
        Self {
            day: day.date,
            created: day.created,
            completed: day.completed,
        }
    }
}
