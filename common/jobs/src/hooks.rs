//! What happens around each attempt: history, the count of starts, retries spread out, metrics. Closes the gap that a
//! job which kills its worker would be given its attempt back for ever. And each answer to whether there are jobs is a turn.

use std::sync::Arc;

use graphile_worker::{
    AfterJobRun, AfterJobRunContext, BeforeJobRun, BeforeJobRunContext, HookResult, JobFail,
    JobPermanentlyFail, JobRecovery, JobRecoveryContext, JobRecoveryResult,
    LocalQueueGetJobsComplete, WorkerOptions,
};
use sqlx::PgPool;

use crate::{
    job::Queue,
    metrics,
    store::{
        history::{self, Outcome, Start},
        queue as rows,
    },
    turns::Turn,
};

/// Longest random wait before a job is tried again whose worker died. Random, because neighbours of a job that kills its
/// worker would otherwise come back beside it each time, and be parked with it.
const RECOVERY_SPREAD_SECONDS: f64 = 3.0;

/// Adds all hooks to the worker of a queue.
pub(crate) fn install(
    options: WorkerOptions,
    pool: &PgPool,
    queue: Queue,
    clock: &common_clock::SharedClock,
    turn: &Arc<Turn>,
) -> WorkerOptions {
    let (before, after, fail, recovery) = (pool.clone(), pool.clone(), pool.clone(), pool.clone());
    let (clock, turn) = (clock.clone(), Arc::clone(turn));
    options
        .on(LocalQueueGetJobsComplete, move |_| {
            turn.tell();
            std::future::ready(())
        })
        .on(BeforeJobRun, move |ctx| record_start(before.clone(), queue, ctx))
        .on(AfterJobRun, move |ctx| record_end(after.clone(), queue, ctx))
        .on(JobFail, move |ctx| spread(fail.clone(), *ctx.job.id(), *ctx.job.attempts()))
        .on(JobPermanentlyFail, move |ctx| async move {
            let name = ctx.job.task_identifier().clone();
            ::metrics::counter!(metrics::ATTEMPTS, "job" => name, "queue" => queue.as_str(), "outcome" => "parked").increment(1);
        })
        .on(JobRecovery, move |ctx| recover(recovery.clone(), clock.clone(), ctx))
}

/// An attempt that cannot be recorded does not run: it could not be counted either.
async fn record_start(pool: PgPool, queue: Queue, ctx: BeforeJobRunContext) -> HookResult {
    let job = &ctx.job;
    let start = Start {
        job_id: *job.id(),
        locked_at: *job.locked_at(),
        name: job.task_identifier(),
        queue: queue.as_str(),
        attempt: *job.attempts(),
    };
    let recorded = async { history::started(&mut *pool.acquire().await?, &start).await }.await;
    match recorded {
        Ok(()) => HookResult::Continue,
        Err(error) => HookResult::Fail(format!("recording the start: {error}")),
    }
}

async fn record_end(pool: PgPool, queue: Queue, ctx: AfterJobRunContext) -> HookResult {
    let job = &ctx.job;
    let (outcome, error) = match &ctx.result {
        Ok(()) => (Outcome::Succeeded, None),
        Err(error) => (Outcome::Failed, Some(words(error))),
    };
    let name = job.task_identifier().clone();
    ::metrics::histogram!(metrics::DURATION, "job" => name.clone(), "queue" => queue.as_str())
        .record(ctx.duration);
    ::metrics::counter!(metrics::ATTEMPTS, "job" => name, "queue" => queue.as_str(), "outcome" => outcome.as_str())
        .increment(1);
    let recorded = async {
        history::ended(
            &mut *pool.acquire().await?,
            *job.id(),
            *job.attempts(),
            outcome,
            error.as_deref(),
        )
        .await
    }
    .await;
    if let Err(error) = recorded {
        tracing::warn!(job.id = job.id(), %error, "the end of an attempt could not be recorded");
    }
    HookResult::Continue
}

/// An error as it was told. The library hands it on as `TaskError("…")`, which is what `Debug` makes of it.
fn words(error: &str) -> String {
    let quoted = error
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    quoted
        .and_then(|quoted| serde_json::from_str(quoted).ok())
        .unwrap_or_else(|| error.to_owned())
}

async fn spread(pool: PgPool, job_id: i64, attempt: i16) {
    let spread =
        async { rows::spread_retry(&mut *pool.acquire().await?, job_id, attempt).await }.await;
    if let Err(error) = spread {
        tracing::warn!(job.id = job_id, %error, "a retry could not be spread");
    }
}

/// A job whose worker died: an attempt that had begun counts, one that only waited in the worker's memory does not.
async fn recover(
    pool: PgPool,
    clock: common_clock::SharedClock,
    ctx: JobRecoveryContext,
) -> JobRecoveryResult {
    let (job_id, attempt) = (*ctx.job.id(), *ctx.job.attempts());
    let begun = async {
        let mut conn = pool.acquire().await?;
        let begun = history::had_started(&mut conn, job_id, *ctx.job.locked_at()).await?;
        if begun {
            history::ended(
                &mut conn,
                job_id,
                attempt,
                Outcome::Lost,
                Some("its worker died"),
            )
            .await?;
        }
        Ok::<_, sqlx::Error>(begun)
    };
    let begun = begun.await.unwrap_or_else(|error| {
        // Counting it is the safe side: a job that kills its worker must come to an end.
        tracing::warn!(job.id = job_id, %error, "it is not known whether the attempt had begun; it counts");
        true
    });
    let label = if begun { "true" } else { "false" };
    ::metrics::counter!(metrics::RECOVERED, "started" => label).increment(1);
    tracing::warn!(
        job.id = job_id,
        attempt,
        begun,
        worker = ctx.previous_worker_id,
        "a job was taken over from a dead worker"
    );
    if !begun {
        return JobRecoveryResult::Default;
    }
    let wait = std::time::Duration::from_secs_f64(rand::random_range(0.0..RECOVERY_SPREAD_SECONDS));
    JobRecoveryResult::Reschedule {
        run_at: clock.now() + wait,
        attempts: Some(attempt),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn an_error_is_kept_as_it_was_told() {
        let told = "cannot reach \"x\"\nsecond line";
        assert_eq!(words(&format!("TaskError({told:?})")), told);
        assert_eq!(words("TaskAborted"), "TaskAborted");
    }
}
