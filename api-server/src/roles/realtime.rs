//! Role `realtime`: pushes events to open sockets.

use std::sync::Arc;

use api_server_realtime::{Hub, Pace, Realtime};
use api_server_users::facade::Directory;
use common_cache::CacheConfig;
use common_config::Source;
use common_db::DatabaseConfig;
use common_events::{EventError, EventsConfig, Group, MemoryBus, Topic, consume, factory};
use common_http::{Callers, HttpConfig, standard};
use common_reach::{Epochs, reach};
use common_service::Service;
use tokio_util::task::TaskTracker;

use super::servers;

/// Runs the role until it is told to stop, with the broker of section `[events]`.
///
/// # Errors
/// When the configuration is not valid, a port cannot be bound, or the role fails.
pub async fn run(source: &Source, service: Service) -> anyhow::Result<()> {
    let events: EventsConfig = source.section()?;
    events.require_broker()?;
    start(source, &service, events, MemoryBus::default())?;
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
    let plan = Plan {
        database: source.section()?,
        redis: source.section()?,
        http: HttpConfig::default(),
        events,
        bus,
    };
    let own = service.clone();
    service.spawn("start", async move { plan.serve(&own).await });
    Ok(())
}

/// The configuration of the role.
struct Plan {
    database: DatabaseConfig,
    redis: CacheConfig,
    http: HttpConfig,
    events: EventsConfig,
    bus: MemoryBus,
}

impl Plan {
    /// Reaches what sockets need, then listens.
    async fn serve(self, service: &Service) -> anyhow::Result<()> {
        let epochs = Epochs::of(service);
        let listening = service.ready("listener");
        let reached = tokio::join!(
            servers::pools(&self.database, service, &epochs),
            servers::cache(&self.redis, service, &epochs),
        );
        let (Some(pools), Some(cache)) = reached else {
            return Ok(()); // told to stop before
        };
        let hub = Hub::new(service.ids().uuid());
        if !self.feed(hub.clone(), service, &epochs).await {
            return Ok(());
        }
        let directory = Directory::new(pools.write, Arc::clone(service.clock()));
        let realtime = Realtime {
            hub,
            cache,
            directory,
            pace: Pace::default(),
            stop: service.soft(),
            sockets: TaskTracker::new(),
        };
        // The listener forgets a connection that became a socket.
        let drained = realtime.clone().drained();
        service.spawn("sockets", async {
            drained.await;
            Ok(())
        });
        let app = standard(
            api_server_realtime::router(realtime),
            &self.http,
            Arc::clone(service.ids()),
            // Tickets are good once, and role web limits how many are given out.
            Callers::unknown(),
        );
        let bound = service.listen(service.config().listen, app).await?;
        listening.set(true, format!("listening on {bound}"));
        Ok(())
    }

    /// Gives every event of tasks to the hub from now on; `false` when the role stops before.
    async fn feed(&self, hub: Hub, service: &Service, epochs: &Epochs) -> bool {
        let check = service.ready("events");
        let stop = service.soft();
        let subscribe = || async {
            let ends = factory(&self.events, &self.bus, service.ids()).await?;
            let subscribed = ends
                .subscriber
                .subscribe(&[Topic::TaskEvents], Group::Broadcast);
            let subscription = subscribed.await?;
            Ok::<_, EventError>((ends, subscription))
        };
        let Some((ends, subscription)) = reach("events", Some(&check), &stop, subscribe).await
        else {
            return false;
        };
        servers::follow_broker(&ends, service, epochs);
        let clock = Arc::clone(service.clock());
        service.spawn("events", async move {
            consume(subscription, &hub, &clock, &stop).await;
            Ok(())
        });
        true
    }
}
