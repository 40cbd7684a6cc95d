//! Use case: forget what ended long ago.

use chrono::TimeDelta;
use common_jobs::{JobContext, JobError};

use crate::jobs::JobState;
use crate::limits::KNOWN;
use crate::store::scope::Platform;
use crate::store::{known_network, revocation, session};

/// How long an ended session is kept, for questions about it.
const KEEP: TimeDelta = TimeDelta::days(7);

/// Removes sessions that ended long ago, networks that nobody has signed in from for long, and revocations of tokens that are
/// over by themselves; ends the job with it.
pub(crate) async fn purge(state: &JobState, context: &JobContext) -> Result<(), JobError> {
    let (now, scope) = (state.clock.now(), Platform::itself());
    let mut transaction = common_db::begin(&state.pool).await?;
    let sessions = session::purge(&mut transaction, scope, now - KEEP)
        .await
        .map_err(JobError::failed)?;
    let networks = known_network::purge(&mut transaction, scope, now - KNOWN)
        .await
        .map_err(JobError::failed)?;
    let revocations = revocation::purge(&mut transaction, scope, now)
        .await
        .map_err(JobError::failed)?;
    context.finish(&mut transaction).await?;
    transaction.commit().await?;
    tracing::info!(
        sessions,
        networks,
        revocations,
        "ended sessions, networks out of use and revocations whose tokens are over removed"
    );
    Ok(())
}
