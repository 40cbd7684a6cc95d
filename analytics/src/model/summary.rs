//! The numbers of a team.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A team's tasks as the replica has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Tasks that are not archived.
    pub(crate) total: i64,
    /// Of these, not begun.
    pub(crate) todo: i64,
    /// Of these, begun.
    pub(crate) doing: i64,
    /// Of these, completed.
    pub(crate) done: i64,
    /// Archived tasks.
    pub(crate) archived: i64,
    /// Neither archived nor completed, and past their due time.
    pub(crate) overdue: i64,
    /// Members of the team.
    pub(crate) members: i64,
    /// Seconds that the replica is behind; `None` if it cannot know.
    pub(crate) replica_lag_seconds: Option<f64>,
}

/// What happened on a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Day {
    /// Which day.
    pub(crate) date: NaiveDate,
    /// Tasks created.
    pub(crate) created: i64,
    /// Tasks completed.
    pub(crate) completed: i64,
}

/// Everything that is said about a team; also the value in the cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The team.
    pub(crate) team_id: Uuid,
    /// Its tasks.
    pub(crate) counts: Counts,
    /// The last days, oldest first, without gaps.
    pub(crate) daily: Vec<Day>,
    /// When the counts were true; `None` if the replica cannot know how far behind it is.
    pub(crate) as_of: Option<DateTime<Utc>>,
}

impl Summary {
    /// The summary of counts that were read at `now`.
    pub(crate) fn at(now: DateTime<Utc>, team_id: Uuid, counts: Counts, daily: Vec<Day>) -> Self {
        let lag = counts.replica_lag_seconds.and_then(lag_of);
        Self {
            team_id,
            counts,
            daily,
            as_of: lag.and_then(|lag| now.checked_sub_signed(lag)),
        }
    }
}

/// Seconds as a span, to the microsecond.
fn lag_of(seconds: f64) -> Option<TimeDelta> {
    let span = std::time::Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
    TimeDelta::from_std(span).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(replica_lag_seconds: Option<f64>) -> Counts {
        Counts {
            total: 0,
            todo: 0,
            doing: 0,
            done: 0,
            archived: 0,
            overdue: 0,
            members: 0,
            replica_lag_seconds,
        }
    }

    #[test]
    fn counts_are_as_old_as_the_replica() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let as_of = |lag| Summary::at(now, Uuid::nil(), counts(lag), Vec::new()).as_of;
        assert_eq!(as_of(Some(0.0)), Some(now));
        assert_eq!(
            as_of(Some(90.5)),
            Some(now - TimeDelta::milliseconds(90_500))
        );
        assert_eq!(as_of(Some(-1.0)), Some(now));
        assert_eq!(as_of(None), None);
        assert_eq!(as_of(Some(f64::INFINITY)), None);
    }
}
