//! Role `beat`: starts jobs by the calendar.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use api_server_users::jobs::PurgeSessions;
use common_config::Source;
use common_db::DatabaseConfig;
use common_jobs::{JobError, Missed, Schedule, beat};
use common_reach::{Epochs, is_away, watch};
use common_service::Service;
use sqlx::PgPool;

use super::servers;
use crate::purge::PurgeRecords;

/// Every schedule of the application. Times are UTC.
fn schedules() -> Result<Vec<Schedule>, JobError> {
    Ok(vec![
        // Expired sessions.
        Schedule::new("purge-sessions", "17 * * * *", Missed::Last, |_| {
            PurgeSessions {}
        })?,
        // Published events, messages that consumers have seen, kept answers, runs of jobs.
        Schedule::new("purge-records", "47 * * * *", Missed::Last, |_| {
            PurgeRecords {}
        })?,
    ])
}

/// Runs the role until it is told to stop.
///
/// # Errors
/// When the configuration is not valid, or the role fails.
pub async fn run(source: &Source, service: Service) -> anyhow::Result<()> {
    start(source, &service)?;
    service.run().await
}

/// Starts the role on `service`, whose own `run` the caller calls.
///
/// # Errors
/// When the configuration is not valid; nothing runs then.
pub fn start(source: &Source, service: &Service) -> anyhow::Result<()> {
    let database: DatabaseConfig = source.section()?;
    let schedules = schedules()?;
    let ticked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ticked);
    let reached = Arc::new(OnceLock::new());
    let asked = Arc::clone(&reached);
    watch(
        service,
        "schedules",
        beat::OVERDUE,
        move || seen.swap(false, Ordering::Relaxed),
        move || {
            let pool: Option<PgPool> = asked.get().cloned();
            async move {
                match pool {
                    Some(pool) => is_away(pool).await,
                    None => true,
                }
            }
        },
    );
    let own = service.clone();
    service.spawn("beat", async move {
        let epochs = Epochs::of(&own);
        if let Some(pools) = servers::pools(&database, &own, &epochs).await {
            // Set once: there is nobody else.
            let _ = reached.set(pools.write.clone());
            let (clock, stop) = (Arc::clone(own.clock()), own.soft());
            beat::run(&pools.write, &schedules, &clock, &ticked, &stop).await;
        }
        Ok(())
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_schedule_is_a_time() {
        assert!(super::schedules().is_ok());
    }
}
