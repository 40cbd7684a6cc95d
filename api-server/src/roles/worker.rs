//! Role `worker`: sends events out, files notifications, runs jobs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use std::time::Duration;

use api_server_notifications::Notifier;
use api_server_users::jobs::{JobState, PurgeSessions};
use common_config::Source;
use common_db::DatabaseConfig;
use common_events::{
    EventPublisher, EventSubscriber, EventsConfig, Group, MemoryBus, Topic, consume, factory, relay,
};
use common_jobs::{Queue, Workers};
use common_reach::{Epochs, is_away, reach, watch};
use common_service::Service;
use sqlx::PgPool;

use super::servers;
use crate::purge::PurgeRecords;

/// Jobs of one queue that run side by side.
const CONCURRENCY: [(Queue, usize); 2] = [(Queue::Interactive, 4), (Queue::Default, 2)];

/// The loops of jobs ask about once a second.
const JOBS_OVERDUE: Duration = Duration::from_secs(30);
/// The relay asks once in a second or two; above the half-minute in which a broker may confirm, and the pause after that.
const RELAY_OVERDUE: Duration = Duration::from_mins(1);

/// Runs the role until it is told to stop, with the broker of section `[events]`.
///
/// # Errors
/// When the configuration is not valid, or the role fails.
pub async fn run(source: &Source, service: Service) -> anyhow::Result<()> {
    let config: EventsConfig = source.section()?;
    config.require_broker()?;
    start(source, &service, config, MemoryBus::default())?;
    service.run().await
}

/// Starts the role on `service`, whose own `run` the caller calls; `bus` carries the events of transport `memory`.
///
/// # Errors
/// When the configuration is not valid; nothing runs then.
pub fn start(
    source: &Source,
    service: &Service,
    events: EventsConfig,
    bus: MemoryBus,
) -> anyhow::Result<()> {
    let database: DatabaseConfig = source.section()?;
    let own = service.clone();
    service.spawn(
        "start",
        async move { work(&database, events, bus, &own).await },
    );
    Ok(())
}

/// Reaches what the work needs, then begins it.
async fn work(
    database: &DatabaseConfig,
    events: EventsConfig,
    bus: MemoryBus,
    service: &Service,
) -> anyhow::Result<()> {
    let epochs = Epochs::of(service);
    let Some(pools) = servers::pools(database, service, &epochs).await else {
        return Ok(());
    };
    let check = service.ready("events");
    let connect = || factory(&events, &bus, service.ids());
    let Some(ends) = reach("events", Some(&check), &service.soft(), connect).await else {
        return Ok(());
    };
    servers::follow_broker(&ends, service, &epochs);
    spawn_jobs(pools.write.clone(), service);
    spawn_relay(pools.write.clone(), ends.publisher, events.source, service);
    spawn_notifier(pools.write, ends.subscriber, service);
    Ok(())
}

/// Publishes what the outbox holds.
fn spawn_relay(
    pool: PgPool,
    publisher: Arc<dyn EventPublisher>,
    source: String,
    service: &Service,
) {
    let (clock, stop) = (Arc::clone(service.clock()), service.soft());
    let turned = Arc::new(AtomicBool::new(false));
    let (seen, asked) = (Arc::clone(&turned), pool.clone());
    watch(
        service,
        "relay",
        RELAY_OVERDUE,
        move || seen.swap(false, Ordering::Relaxed),
        move || is_away(asked.clone()),
    );
    service.spawn("relay", async move {
        relay::run_watched(&pool, publisher.as_ref(), &source, &clock, &turned, &stop).await;
        Ok(())
    });
}

/// Files notifications from the events of tasks.
fn spawn_notifier(pool: PgPool, subscriber: Arc<dyn EventSubscriber>, service: &Service) {
    let check = service.ready("notifications");
    let own = service.clone();
    service.spawn("notifications", async move {
        let stop = own.soft();
        let subscribe =
            || subscriber.subscribe(&[Topic::TaskEvents], Group::Shared(Notifier::NAME));
        if let Some(subscription) = reach("notifications", Some(&check), &stop, subscribe).await {
            consume(subscription, &Notifier::new(pool), own.clock(), &stop).await;
        }
        Ok(())
    });
}

/// Runs the jobs of every domain.
fn spawn_jobs(pool: PgPool, service: &Service) {
    let clock = Arc::clone(service.clock());
    let state = JobState {
        pool: pool.clone(),
        clock: Arc::clone(&clock),
    };
    let mut workers = Workers::new(pool.clone(), clock);
    for (queue, concurrency) in CONCURRENCY {
        workers = workers.queue(queue, concurrency);
    }
    let asked = pool.clone();
    let workers = workers
        .register::<PurgeSessions>(state)
        .register::<PurgeRecords>(pool);
    let turns = workers.turns();
    watch(
        service,
        "jobs",
        JOBS_OVERDUE,
        move || turns.all(),
        move || is_away(asked.clone()),
    );
    let (soft, hard) = (service.soft(), service.hard());
    service.spawn("jobs", async move { Ok(workers.run(soft, hard).await?) });
}

#[cfg(test)]
mod tests;
