//! Role `analytics-worker`: keeps the daily counts from `task-events`.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use common_config::Source;
use common_events::{EventError, EventsConfig, Group, MemoryBus, Topic, consume, factory, inbox};
use common_reach::{Epochs, reach};
use common_service::Service;
use sqlx::PgPool;

use super::databases;
use crate::AnalyticsConfig;
use crate::consumer::{NAME, TaskCounter};
use crate::store::own::Own;

/// How often the inbox is cut.
const CUT: Duration = Duration::from_hours(1);

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
    let config: AnalyticsConfig = source.section()?;
    let own = service.clone();
    service.spawn(
        "start",
        async move { work(&config, events, bus, &own).await },
    );
    Ok(())
}

/// Reaches what the consumer needs, then consumes until the role stops.
async fn work(
    config: &AnalyticsConfig,
    events: EventsConfig,
    bus: MemoryBus,
    service: &Service,
) -> anyhow::Result<()> {
    let epochs = Epochs::of(service);
    let check = service.ready("events");
    let Some(pool) = databases::own(config).reach(service, &epochs).await else {
        return Ok(());
    };
    spawn_cut(pool.clone(), service);
    let stop = service.soft();
    let subscribe = || async {
        let ends = factory(&events, &bus, service.ids()).await?;
        let subscribed = ends
            .subscriber
            .subscribe(&[Topic::TaskEvents], Group::Shared(NAME));
        let subscription = subscribed.await?;
        Ok::<_, EventError>((ends, subscription))
    };
    let Some((ends, subscription)) = reach("events", Some(&check), &stop, subscribe).await else {
        return Ok(());
    };
    if let Some(login) = ends.login {
        let (seen, stop) = (Arc::clone(&login), service.soft());
        let follow = async move { login.follow(&stop).await };
        epochs.follow("kafka-analytics", service, move || seen.epoch(), follow);
    }
    let counter = TaskCounter::new(pool, Arc::clone(service.clock()));
    consume(subscription, &counter, service.clock(), &stop).await;
    Ok(())
}

/// Cuts the inbox now and then, so that it does not grow without end.
fn spawn_cut(pool: PgPool, service: &Service) {
    let (own, stop, clock) = (Own::new(pool), service.soft(), Arc::clone(service.clock()));
    let remembered = TimeDelta::days(inbox::REMEMBERED_DAYS.into());
    service.spawn("inbox", async move {
        let mut tick = tokio::time::interval(CUT);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            match own.forget(clock.now() - remembered).await {
                Ok(events) => tracing::debug!(events, "events forgotten"),
                Err(error) => {
                    tracing::warn!(%error, "the inbox was not cut; it will be tried again");
                }
            }
        }
        Ok(())
    });
}
