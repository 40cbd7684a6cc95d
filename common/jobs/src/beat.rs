//! The loop of role `beat`: enqueues what the schedules ask for. Any number may run: each (schedule, slot) is a unique
//! row written with the job.

use std::time::Duration;

use common_clock::SharedClock;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{error::JobError, metrics, schedule::Schedule, store::slots};

/// How often the slots are looked at; a slot is at most this late.
const TICK: Duration = Duration::from_secs(5);

/// Runs until `shutdown` is cancelled. A database that is away is logged and asked again at the next tick.
pub async fn run(
    pool: &PgPool,
    schedules: &[Schedule],
    clock: &SharedClock,
    shutdown: &CancellationToken,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        for schedule in schedules {
            if let Err(error) = take_due(pool, schedule, clock).await {
                tracing::warn!(schedule = schedule.name, %error, "a schedule could not be looked at");
            }
        }
    }
}

/// Takes every slot of a schedule that is due and not taken; returns how many this process took.
///
/// # Errors
/// Those of the database; the slots before the failure are taken.
pub async fn take_due(
    pool: &PgPool,
    schedule: &Schedule,
    clock: &SharedClock,
) -> Result<usize, JobError> {
    let mut conn = pool.acquire().await?;
    let newest = slots::newest(&mut conn, schedule.name).await?;
    drop(conn);
    let mut taken = 0;
    for slot in schedule.due(newest, clock.now()) {
        let mut tx = common_db::begin(pool).await?;
        if slots::take(&mut tx, schedule.name, slot).await? {
            schedule.enqueue(&mut tx, slot).await?;
            tx.commit().await?;
            taken += 1;
            ::metrics::counter!(metrics::SLOTS, "schedule" => schedule.name).increment(1);
            tracing::info!(schedule = schedule.name, %slot, "slot enqueued");
        }
    }
    Ok(taken)
}
