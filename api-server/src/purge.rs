//! Job `app.purge_records`: forgets events, messages, kept answers and runs of jobs whose time is over.

use async_trait::async_trait;
use common_events::{inbox, outbox};
use common_http::idempotency;
use common_jobs::{Job, JobContext, JobError, Queue, history};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// How long a published event is kept, for questions about it.
const PUBLISHED_HOURS: u16 = 72;
/// How long a run of a job is kept.
const RUNS_DAYS: u16 = 30;
/// Rows that one statement deletes: it holds up nobody for long.
const AT_ONCE: u32 = 5_000;

/// Safe to run at any time and any number of times.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PurgeRecords {}

#[async_trait]
impl Job for PurgeRecords {
    const NAME: &'static str = "app.purge_records";
    const QUEUE: Queue = Queue::Default;
    type State = PgPool;

    async fn run(self, context: JobContext, pool: PgPool) -> Result<(), JobError> {
        let purged = purge(&pool, AT_ONCE).await?;
        let mut transaction = common_db::begin(&pool).await?;
        context.finish(&mut transaction).await?;
        transaction.commit().await?;
        let Purged {
            sent,
            seen,
            answers,
            runs,
        } = purged;
        tracing::info!(sent, seen, answers, runs, "old records removed");
        Ok(())
    }
}

/// How many rows went.
#[derive(Debug, Default, PartialEq, Eq)]
struct Purged {
    sent: u64,
    seen: u64,
    answers: u64,
    runs: u64,
}

/// Each round is a statement of its own, so that what it has done stays done.
async fn purge(pool: &PgPool, most: u32) -> Result<Purged, JobError> {
    let mut connection = pool.acquire().await?;
    let mut purged = Purged::default();
    loop {
        let sent = outbox::purge(&mut connection, PUBLISHED_HOURS, most).await?;
        let seen = inbox::purge(&mut connection, most).await?;
        let answers = idempotency::purge(&mut connection, most).await?;
        let runs = history::purge(&mut connection, RUNS_DAYS, most).await?;
        purged.sent += sent;
        purged.seen += seen;
        purged.answers += answers;
        purged.runs += runs;
        if sent.max(seen).max(answers).max(runs) < u64::from(most) {
            return Ok(purged);
        }
    }
}

#[cfg(test)]
mod tests;
