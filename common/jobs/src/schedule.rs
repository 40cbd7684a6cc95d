//! A schedule and its slots. Pure: `now` is a parameter.

use chrono::{DateTime, Duration, DurationRound as _, Utc};
use futures::future::BoxFuture;
use graphile_worker::{Crontab, parse_crontab};
use sqlx::PgConnection;

use crate::{
    error::JobError,
    job::{EnqueueOptions, Job, enqueue},
};

/// How far back a beat looks for slots that nobody took.
const LOOK_BACK: Duration = Duration::hours(24);

/// What happens to slots that passed while no beat ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// They are gone.
    Skip,
    /// Only the newest is made up for.
    Last,
    /// Each is made up for, up to a day back.
    All,
}

type Enqueue = Box<
    dyn for<'c> Fn(&'c mut PgConnection, DateTime<Utc>) -> BoxFuture<'c, Result<(), JobError>>
        + Send
        + Sync,
>;

/// A job that is enqueued at fixed times (UTC).
pub struct Schedule {
    pub(crate) name: &'static str,
    pub(crate) missed: Missed,
    cron: Crontab,
    enqueue: Enqueue,
}

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schedule")
            .field("name", &self.name)
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}

impl Schedule {
    /// Enqueues `make(slot)` at the minutes that match `cron` (five fields, UTC).
    ///
    /// # Errors
    /// `JobError::Cron` if the expression is not one.
    pub fn new<J: Job>(
        name: &'static str,
        cron: &'static str,
        missed: Missed,
        make: impl Fn(DateTime<Utc>) -> J + Send + Sync + 'static,
    ) -> Result<Self, JobError> {
        let wrong = |detail: String| JobError::Cron {
            schedule: name,
            expression: cron,
            detail,
        };
        // The parser wants a whole line of a crontab; the task's name in it is not used.
        let mut lines =
            parse_crontab(&format!("{cron} slot")).map_err(|error| wrong(error.to_string()))?;
        let (Some(parsed), true) = (lines.pop(), lines.is_empty()) else {
            return Err(wrong("one line is needed".into()));
        };
        let enqueue: Enqueue = Box::new(move |conn, slot| {
            let job = make(slot);
            Box::pin(async move { enqueue(conn, &job, EnqueueOptions::default()).await })
        });
        Ok(Self {
            name,
            missed,
            cron: parsed,
            enqueue,
        })
    }

    pub(crate) async fn enqueue(
        &self,
        conn: &mut PgConnection,
        slot: DateTime<Utc>,
    ) -> Result<(), JobError> {
        (self.enqueue)(conn, slot).await
    }

    /// The slots to take now, oldest first. `newest` is the newest one taken by anybody; a schedule that never ran
    /// begins with the current minute.
    pub(crate) fn due(
        &self,
        newest: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Vec<DateTime<Utc>> {
        let Ok(minute) = now.duration_trunc(Duration::minutes(1)) else {
            return Vec::new();
        };
        let first = match (self.missed, newest) {
            (Missed::Skip, _) | (_, None) => minute,
            (Missed::Last | Missed::All, Some(newest)) => {
                (newest + Duration::minutes(1)).max(minute - LOOK_BACK)
            }
        };
        let minutes = std::iter::successors(Some(first), |slot| Some(*slot + Duration::minutes(1)));
        let mut due: Vec<_> = minutes
            .take_while(|slot| *slot <= minute)
            .filter(|slot| self.cron.should_run_at(&slot.naive_utc()))
            .collect();
        if self.missed == Missed::Last {
            due.drain(..due.len().saturating_sub(1));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{context::JobContext, job::Queue};

    #[derive(Serialize, Deserialize)]
    struct Nothing {}

    #[async_trait]
    impl Job for Nothing {
        const NAME: &'static str = "test.nothing";
        const QUEUE: Queue = Queue::Default;
        type State = ();
        async fn run(self, _ctx: JobContext, (): ()) -> Result<(), JobError> {
            Ok(())
        }
    }

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-03-29T{text}Z").parse().unwrap()
    }

    fn every_quarter(missed: Missed) -> Schedule {
        Schedule::new("quarters", "*/15 * * * *", missed, |_| Nothing {}).unwrap()
    }

    #[test]
    fn r23_each_policy_takes_its_slots() {
        let (newest, now) = (Some(at("10:00:00")), at("10:45:59"));
        assert_eq!(
            every_quarter(Missed::Skip).due(newest, now),
            [at("10:45:00")]
        );
        assert_eq!(
            every_quarter(Missed::Last).due(newest, now),
            [at("10:45:00")]
        );
        assert_eq!(
            every_quarter(Missed::All).due(newest, now),
            [at("10:15:00"), at("10:30:00"), at("10:45:00")]
        );
        let between = at("10:50:00");
        assert!(every_quarter(Missed::Skip).due(newest, between).is_empty());
        assert_eq!(
            every_quarter(Missed::Last).due(newest, between),
            [at("10:45:00")]
        );
    }

    #[test]
    fn a_clock_that_went_back_takes_nothing_again() {
        assert!(
            every_quarter(Missed::All)
                .due(Some(at("11:00:00")), at("10:45:00"))
                .is_empty()
        );
        assert!(
            every_quarter(Missed::Last)
                .due(Some(at("11:00:00")), at("10:45:00"))
                .is_empty()
        );
    }

    #[test]
    fn the_look_back_is_a_day() {
        let due = every_quarter(Missed::All)
            .due(Some(at("10:00:00") - Duration::days(30)), at("10:00:00"));
        assert_eq!(due.len(), 24 * 4 + 1);
    }

    #[test]
    fn a_wrong_expression_is_named() {
        let error =
            Schedule::new("broken", "61 * * * *", Missed::Skip, |_| Nothing {}).unwrap_err();
        assert!(
            error.to_string().contains("broken") && error.to_string().contains("61 *"),
            "{error}"
        );
    }
}
