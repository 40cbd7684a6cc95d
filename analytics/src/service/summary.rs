//! The summary of a team.

use chrono::TimeDelta;
use uuid::Uuid;

use super::cached;
use crate::model::Summary;
use crate::store::replica::{Caller, Scope};
use crate::{Analytics, Error};

/// Days of the history, today included.
const DAYS: i64 = 30;

/// The summary of `team` for `caller`. Rights are read each time; the numbers may come from the
/// cache, and say by `as_of` how old they are.
pub(crate) async fn summary(
    analytics: &Analytics,
    team: Uuid,
    caller: Caller,
) -> Result<Summary, Error> {
    let scope = analytics.replica.visible(team, caller).await?;
    cached::or_else(analytics, scope.team_id(), || read(analytics, scope)).await
}

async fn read(analytics: &Analytics, scope: Scope) -> Result<Summary, Error> {
    let now = analytics.clock.now();
    let today = now.date_naive();
    let (counts, daily) = tokio::try_join!(
        analytics.replica.counts(scope, now),
        analytics
            .own
            .days(scope, today - TimeDelta::days(DAYS - 1), today),
    )?;
    Ok(Summary::at(now, scope.team_id(), counts, daily))
}
