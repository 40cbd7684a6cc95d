//! Role `worker`: sends events out, reacts to them, runs jobs.

use std::sync::Arc;

use api_server_notifications::Notifier;
use api_server_tasks::Departures;
use api_server_users::jobs::{JobState, PurgeSessions};
use common_config::Source;
use common_db::DatabaseConfig;
use common_events::{
    EventPublisher, EventSubscriber, EventsConfig, Group, MemoryBus, Topic, consume, factory, relay,
};
use common_jobs::{Queue, Workers};
use common_reach::{Epochs, reach};
use common_service::Service;
use sqlx::PgPool;

use super::servers;
use crate::purge::PurgeRecords;

/// Jobs of one queue that run side by side.
const CONCURRENCY: [(Queue, usize); 2] = [(Queue::Interactive, 4), (Queue::Default, 2)];

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
    spawn_departures(pools.write.clone(), Arc::clone(&ends.subscriber), service);
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
    service.spawn("relay", async move {
        relay::run(&pool, publisher.as_ref(), &source, &clock, &stop).await;
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

/// Takes whoever leaves a team from its tasks.
fn spawn_departures(pool: PgPool, subscriber: Arc<dyn EventSubscriber>, service: &Service) {
    let check = service.ready("departures");
    let own = service.clone();
    service.spawn("departures", async move {
        let stop = own.soft();
        let subscribe =
            || subscriber.subscribe(&[Topic::UserActivities], Group::Shared(Departures::NAME));
        if let Some(subscription) = reach("departures", Some(&check), &stop, subscribe).await {
            let (clock, ids) = (Arc::clone(own.clock()), Arc::clone(own.ids()));
            let departures = Departures::new(pool, clock, ids);
            consume(subscription, &departures, own.clock(), &stop).await;
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
    let workers = workers
        .register::<PurgeSessions>(state)
        .register::<PurgeRecords>(pool);
    let (soft, hard) = (service.soft(), service.hard());
    service.spawn("jobs", async move { Ok(workers.run(soft, hard).await?) });
}
