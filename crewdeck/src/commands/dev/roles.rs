//! Six roles beside each other; the end of one is the end of all.

use std::path::Path;

use anyhow::{Context as _, Result};
use common_clock::{SharedClock, SharedIds};
use common_config::{AppConfig as _, Source};
use common_events::{EventsConfig, MemoryBus, Transport};
use common_service::Service;
use common_telemetry::PrometheusHandle;
use futures::future::join_all;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::settings::{ROLES, Settings};
use crate::role::Role;

/// Roles that were started and not waited for.
pub(super) struct Running(Vec<Service>);

/// Starts every role; nothing runs when the configuration of one is not valid.
pub(super) fn start(
    file: Option<&Path>,
    environment: &[(String, String)],
    settings: &Settings,
    (clock, ids): (&SharedClock, &SharedIds),
    prometheus: &PrometheusHandle,
    end: &CancellationToken,
) -> Result<Running> {
    let bus = MemoryBus::default();
    let mut services = Vec::new();
    for role in ROLES {
        let mut own = environment.to_vec();
        own.extend(settings.of(role));
        let source = Source::load(file, own)?;
        let service = Service::new(
            role.as_str(),
            source.section()?,
            SharedClock::clone(clock),
            SharedIds::clone(ids),
            prometheus.clone(),
        )
        .until(end);
        start_one(role, &source, &service, &bus).with_context(|| role.as_str())?;
        services.push(service);
    }
    Ok(Running(services))
}

fn start_one(role: Role, source: &Source, service: &Service, bus: &MemoryBus) -> Result<()> {
    use analytics::roles as numbers;
    use api_server::roles as application;

    let events = || -> Result<EventsConfig> {
        if source.has_section(EventsConfig::SECTION) {
            return Ok(source.section()?);
        }
        Ok(EventsConfig::new(Transport::Memory))
    };
    match role {
        Role::Web => application::web::start(source, service),
        Role::Worker => application::worker::start(source, service, events()?, bus.clone()),
        Role::Beat => application::beat::start(source, service),
        Role::Realtime => application::realtime::start(source, service, events()?, bus.clone()),
        Role::Analytics => numbers::analytics::start(source, service),
        Role::AnalyticsWorker => {
            numbers::analytics_worker::start(source, service, events()?, bus.clone())
        }
        Role::Operator | Role::Migrate => anyhow::bail!("{} is no role of dev", role.as_str()),
    }
}

impl Running {
    /// Calls `ready` once every role is, and returns when all have ended.
    ///
    /// # Errors
    /// The first failure of a role.
    pub(super) async fn until_stopped(self, ready: impl FnOnce()) -> Result<()> {
        let stops: Vec<_> = self.0.iter().map(Service::soft).collect();
        let watched = self.0.clone();
        let mut ends = JoinSet::new();
        for service in self.0 {
            let role = service.role();
            ends.spawn(async move { service.run().await.context(role) });
        }
        let mut failure = None;
        let mut all_ready = std::pin::pin!(join_all(watched.iter().map(Service::until_ready)));
        let mut ready = Some(ready);
        loop {
            tokio::select! {
                _ = &mut all_ready, if ready.is_some() => {
                    if let Some(ready) = ready.take() {
                        ready();
                    }
                }
                ended = ends.join_next() => {
                    let Some(ended) = ended else { break };
                    stops.iter().for_each(CancellationToken::cancel);
                    if let Err(error) = ended.context("a role").and_then(|outcome| outcome) {
                        failure.get_or_insert(error);
                    }
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }
}
