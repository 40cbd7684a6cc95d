//! Role `analytics-worker`: keeps the daily counts from `task-events`.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use common_config::Source;
use common_events::{
    EventSubscriber, EventsConfig, Group, MemoryBus, Topic, Transport, consume, factory,
};
use common_reach::{Epochs, reach};
use common_service::Service;
use sqlx::PgPool;

use super::databases;
use crate::AnalyticsConfig;
use crate::consumer::{NAME, TaskCounter};
use crate::store::own::Own;

/// How often the inbox is cut.
const CUT: Duration = Duration::from_hours(1);
/// Days for which a counted event is remembered; longer than any topic keeps events.
const REMEMBERED: TimeDelta = TimeDelta::days(60);

/// Runs the role until it is told to stop, with the broker of section `[events]`.
///
/// # Errors
/// When the configuration is not valid, or the role fails.
pub async fn run(source: &Source, service: Service) -> anyhow::Result<()> {
    let config: EventsConfig = source.section()?;
    anyhow::ensure!(
        config.transport != Transport::Memory,
        "events.transport = \"memory\" reaches no other process: analytics-worker would never see an event; name a broker, or run all roles in one process with `crewdeck dev`"
    );
    launch(source, &service, Events::Broker(Box::new(config)))?;
    service.run().await
}

/// Starts the role on `service`, whose own `run` the caller calls, with a transport that exists: the
/// one of a process with all roles.
///
/// # Errors
/// When the configuration is not valid; nothing runs then.
pub fn start_with(
    source: &Source,
    service: &Service,
    events: Arc<dyn EventSubscriber>,
) -> anyhow::Result<()> {
    launch(source, service, Events::Given(events))
}

/// Where events come from.
enum Events {
    Broker(Box<EventsConfig>),
    Given(Arc<dyn EventSubscriber>),
}

fn launch(source: &Source, service: &Service, events: Events) -> anyhow::Result<()> {
    let config: AnalyticsConfig = source.section()?;
    let own = service.clone();
    service.spawn("start", async move { work(&config, events, &own).await });
    Ok(())
}

/// Reaches what the consumer needs, then consumes until the role stops.
async fn work(config: &AnalyticsConfig, events: Events, service: &Service) -> anyhow::Result<()> {
    let epochs = Epochs::of(service);
    let check = service.ready("events");
    let Some(pool) = databases::own(config).reach(service, &epochs).await else {
        return Ok(());
    };
    spawn_cut(pool.clone(), service);
    let stop = service.soft();
    let subscribe = || async {
        let subscriber = match &events {
            Events::Given(subscriber) => Arc::clone(subscriber),
            Events::Broker(config) => {
                factory(config, &MemoryBus::default(), service.ids())
                    .await?
                    .1
            }
        };
        let group = Group::Shared(NAME);
        subscriber.subscribe(&[Topic::TaskEvents], group).await
    };
    if let Events::Broker(config) = &events
        && let Some(directory) = &config.kafka_directory
    {
        epochs.add_fixed("kafka-analytics", directory);
    }
    let Some(subscription) = reach("events", Some(&check), &stop, subscribe).await else {
        return Ok(());
    };
    let counter = TaskCounter::new(pool, Arc::clone(service.clock()));
    consume(subscription, &counter, service.clock(), &stop).await;
    Ok(())
}

/// Cuts the inbox now and then, so that it does not grow without end.
fn spawn_cut(pool: PgPool, service: &Service) {
    let (own, stop, clock) = (Own::new(pool), service.soft(), Arc::clone(service.clock()));
    service.spawn("inbox", async move {
        let mut tick = tokio::time::interval(CUT);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            match own.forget(clock.now() - REMEMBERED).await {
                Ok(events) => tracing::debug!(events, "events forgotten"),
                Err(error) => {
                    tracing::warn!(%error, "the inbox was not cut; it will be tried again");
                }
            }
        }
        Ok(())
    });
}
