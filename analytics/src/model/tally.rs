//! What one event adds to a day.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What was done to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Created, perhaps completed already.
    Created {
        /// Whether it was completed from the start.
        done: bool,
    },
    /// Changed so that it became completed.
    Completed,
    /// Archived.
    Archived,
}

/// What one event adds to the counts of a team's day. Sums do not depend on the order of events, so
/// a late one is simply added to its own day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// The team.
    pub(crate) team_id: Uuid,
    /// The day (UTC) on which it happened, however late it is told.
    pub(crate) day: NaiveDate,
    /// Tasks created.
    pub(crate) created: i64,
    /// Tasks completed.
    pub(crate) completed: i64,
    /// Tasks archived.
    pub(crate) archived: i64,
}

impl Tally {
    /// What `act` adds to the day of `at`.
    pub(crate) fn of(team_id: Uuid, at: DateTime<Utc>, act: Act) -> Self {
        let (created, completed, archived) = match act {
            Act::Created { done } => (1, i64::from(done), 0),
            Act::Completed => (0, 1, 0),
            Act::Archived => (0, 0, 1),
        };
        Self {
            team_id,
            day: at.date_naive(),
            created,
            completed,
            archived,
        }
    }
}
