//! The loop of role `beat`: enqueues what the schedules ask for. Any number may run: each (schedule, slot) is a unique
//! row written with the job.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use common_clock::SharedClock;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{error::JobError, metrics, schedule::Schedule, store::slots};

const TICK_SECONDS: u64 = 5;
/// How often the slots are looked at; a slot is at most this late.
const TICK: Duration = Duration::from_secs(TICK_SECONDS);
/// From a tick that succeeded until the fourth after it is due: three were missed. A server that is started anew is back before.
pub const OVERDUE: Duration = Duration::from_secs(4 * TICK_SECONDS);
/// Longest look at one schedule; above what a server gives a statement. A connection whose other end went without a word would
/// keep the loop for a quarter of an hour.
const LONGEST: Duration = Duration::from_secs(20);

/// Runs until `shutdown` is cancelled, and sets `ticked` with each tick at which every schedule was looked at. A database that is
/// away is logged and asked again at the next tick.
pub async fn run(
    pool: &PgPool,
    schedules: &[Schedule],
    clock: &SharedClock,
    ticked: &AtomicBool,
    shutdown: &CancellationToken,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
        if look(pool, schedules, clock, LONGEST).await {
            ticked.store(true, Ordering::Relaxed);
        }
    }
}

/// Looks at each schedule, whatever becomes of the others, for `longest` at most. Whether all were looked at.
async fn look(
    pool: &PgPool,
    schedules: &[Schedule],
    clock: &SharedClock,
    longest: Duration,
) -> bool {
    let mut all = true;
    for schedule in schedules {
        let looked = tokio::time::timeout(longest, take_due(pool, schedule, clock)).await;
        let error = match looked {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", longest.as_secs_f32()),
        };
        tracing::warn!(
            schedule = schedule.name,
            error,
            "a schedule could not be looked at"
        );
        all = false;
    }
    all
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

#[cfg(test)]
mod tests;
