//! Role `analytics`: the HTTP API.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use common_cache::{Cache, CacheConfig};
use common_config::{SecretRef, Source};
use common_http::{Callers, HttpConfig, Limiter, rewrite_verbs, standard};
use common_reach::{Epochs, Trust, reach};
use common_service::Service;

use super::databases;
use crate::state::Parts;
use crate::store::replica::Replica;
use crate::{Analytics, AnalyticsConfig, routes};

/// Runs the role until it is told to stop.
///
/// # Errors
/// When the configuration is not valid, a port cannot be bound, or the role fails.
pub async fn run(source: &Source, service: Service) -> anyhow::Result<()> {
    start(source, &service)?;
    service.run().await
}

/// Starts the role on `service`, whose own `run` the caller calls.
///
/// # Errors
/// When the configuration is not valid; nothing runs then.
pub fn start(source: &Source, service: &Service) -> anyhow::Result<()> {
    let plan = Plan::read(source)?;
    let own = service.clone();
    service.spawn("start", async move { Box::pin(plan.serve(&own)).await });
    Ok(())
}

/// The configuration of the role.
struct Plan {
    config: AnalyticsConfig,
    reader_url: SecretRef,
    trust: Trust,
    cache: Option<CacheConfig>,
    http: HttpConfig,
}

impl Plan {
    fn read(source: &Source) -> anyhow::Result<Self> {
        let cache = source
            .has_section("redis")
            .then(|| source.section())
            .transpose()?;
        let config: AnalyticsConfig = source.section()?;
        let reader_url = config
            .reader_url
            .clone()
            .context("set analytics.reader_url, or reader_url_file: the application's replica")?;
        Ok(Self {
            config,
            reader_url,
            trust: Trust::read(source)?,
            cache,
            http: source.section()?,
        })
    }

    /// Reaches what the API needs, then listens.
    async fn serve(self, service: &Service) -> anyhow::Result<()> {
        let epochs = Epochs::of(service);
        let listening = service.ready("listener");
        let cache = Arc::new(OnceLock::new());
        if let Some(config) = self.cache {
            spawn_cache(config, Arc::clone(&cache), service, &epochs);
        }
        let reached = tokio::join!(
            databases::replica(&self.config, &self.reader_url).reach(service, &epochs),
            databases::own(&self.config).reach(service, &epochs),
            self.trust.reach(service),
        );
        let (Some(replica), Some(own), Some(trusted)) = reached else {
            return Ok(()); // told to stop before
        };
        let replica = Replica::new(replica);
        let Some(verifier) = trusted.heed(replica.clone(), service).await else {
            return Ok(());
        };
        let analytics = Analytics::new(Parts {
            replica,
            own,
            cache: Arc::clone(&cache),
            cache_life: Duration::from_secs(self.config.cache_seconds),
            clock: Arc::clone(service.clock()),
        });
        let (router, _) = routes().with_state(analytics).split_for_parts();
        let limiter = Limiter::new(&self.http, cache, Arc::clone(service.clock()));
        let callers = Callers::verified_by(verifier).limited_by(limiter);
        let ids = Arc::clone(service.ids());
        let app = rewrite_verbs(standard(router, &self.http, ids, callers));
        let bound = service.listen(service.config().listen, app).await?;
        listening.set(true, format!("listening on {bound}"));
        Ok(())
    }
}

/// Reaches Redis beside everything else: the role serves without it.
fn spawn_cache(
    config: CacheConfig,
    slot: Arc<OnceLock<Cache>>,
    service: &Service,
    epochs: &Epochs,
) {
    let (stop, epochs) = (service.soft(), epochs.clone());
    service.spawn("cache", async move {
        if let Some(cache) = reach("cache", None, &stop, || Cache::connect(&config)).await {
            let (seen, follow) = (cache.clone(), cache.clone().follow(stop));
            epochs.add("redis-analytics", move || seen.epoch());
            let _ = slot.set(cache); // the one writer
            follow.await;
        }
        Ok(())
    });
}
