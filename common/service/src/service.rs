//! The handle that a role works with.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use common_clock::{SharedClock, SharedIds};
use common_telemetry::PrometheusHandle;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::probes::{Probes, router};
use crate::readiness::Readiness;
use crate::state::State;
use crate::{ReadyCheck, ServiceConfig, accept};

/// How often the metrics recorder folds its histograms; without it they grow without bound.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// What work may still take after the hard token: enough to roll back, not to finish.
const GIVE_UP: Duration = Duration::from_secs(3);

/// A role's life; clones share it.
#[derive(Clone)]
pub struct Service {
    role: &'static str,
    config: ServiceConfig,
    clock: SharedClock,
    ids: SharedIds,
    soft: CancellationToken,
    hard: CancellationToken,
    tracker: TaskTracker,
    readiness: Readiness,
    state: State,
    prometheus: PrometheusHandle,
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Service {
    /// A role that has not started yet.
    #[must_use]
    pub fn new(
        role: &'static str,
        config: ServiceConfig,
        clock: SharedClock,
        ids: SharedIds,
        prometheus: PrometheusHandle,
    ) -> Self {
        Self {
            role,
            config,
            clock,
            ids,
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tracker: TaskTracker::new(),
            readiness: Readiness::default(),
            state: State::default(),
            prometheus,
            failure: Arc::default(),
        }
    }

    /// The same, stopped when `end` is cancelled: before anything was made of it.
    #[must_use]
    pub fn until(mut self, end: &CancellationToken) -> Self {
        self.soft = end.child_token();
        self
    }

    /// Name of the role.
    #[must_use]
    pub fn role(&self) -> &'static str {
        self.role
    }

    /// Its section of the configuration.
    #[must_use]
    pub fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// The clock of the process.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// The source of identifiers of the process.
    #[must_use]
    pub fn ids(&self) -> &SharedIds {
        &self.ids
    }

    /// Cancelled when no new work may be taken.
    #[must_use]
    pub fn soft(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Cancelled when running work must be given up.
    #[must_use]
    pub fn hard(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Runs `work` on the role's tracker, so that the end of the role waits for it. An error stops
    /// the role and becomes the result of [`Service::run`].
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (soft, failure) = (self.soft.clone(), Arc::clone(&self.failure));
        let guard = FailOnPanic {
            name,
            soft: soft.clone(),
            failure: Arc::clone(&failure),
        };
        self.tracker.spawn(async move {
            let outcome = work.await;
            drop(guard);
            if let Err(error) = outcome {
                tracing::error!(
                    work = name,
                    error = format!("{error:#}"),
                    "work failed, the role stops"
                );
                record(&failure, error.context(name));
                soft.cancel();
            }
        });
    }

    /// Serves `app` at `address` until the role stops; gives the address that was bound.
    ///
    /// # Errors
    /// When the address cannot be bound; the error names it.
    pub async fn listen(&self, address: SocketAddr, app: Router) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let bound = listener.local_addr().context("address of a bound socket")?;
        let (soft, hard) = (self.soft.clone(), self.hard.clone());
        self.spawn("listener", async move {
            accept::run(listener, app, soft, hard).await;
            Ok(())
        });
        Ok(bound)
    }

    /// A readiness check that starts as not ready.
    #[must_use]
    pub fn ready(&self, name: &'static str) -> ReadyCheck {
        self.readiness.register(name)
    }

    /// Returns once every readiness check holds.
    pub async fn until_ready(&self) {
        self.readiness.wait().await;
    }

    /// Adds `key` to `/internal/state`; `read` is called at each request.
    pub fn state(&self, key: &'static str, read: impl Fn() -> Value + Send + Sync + 'static) {
        self.state.register(key, Arc::new(read));
    }

    /// Serves the second port until the soft token is cancelled or something fails, then drains and returns.
    ///
    /// # Errors
    /// The first failure of spawned work, or a second port that cannot be bound.
    pub async fn run(self) -> anyhow::Result<()> {
        let probes = router(self.probes());
        let bound = self.listen(self.config.probe_listen, probes).await?;
        tracing::info!(role = self.role, probes = %bound, "role started");
        self.spawn(
            "metrics upkeep",
            upkeep(self.prometheus.clone(), self.soft.clone()),
        );
        self.soft.cancelled().await;
        self.drain().await;
        let failure = self
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        failure.map_or(Ok(()), Err)
    }

    /// Stops taking work, waits for what runs, then gives up what is left.
    async fn drain(&self) {
        tracing::info!(role = self.role, "role stops");
        self.soft.cancel();
        self.tracker.close();
        let drain = Duration::from_secs(self.config.drain_seconds);
        if tokio::time::timeout(drain, self.tracker.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                role = self.role,
                drain.seconds = drain.as_secs(),
                "drain time is over, giving up running work"
            );
        }
        self.hard.cancel();
        let _ = tokio::time::timeout(GIVE_UP, self.tracker.wait()).await;
    }

    fn probes(&self) -> Probes {
        Probes {
            role: self.role,
            readiness: self.readiness.clone(),
            state: self.state.clone(),
            prometheus: self.prometheus.clone(),
            soft: self.soft.clone(),
            started: Arc::default(),
        }
    }
}

/// Turns a panic of spawned work into a failure of the role: half a role must not live on.
struct FailOnPanic {
    name: &'static str,
    soft: CancellationToken,
    failure: Arc<Mutex<Option<anyhow::Error>>>,
}

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            record(&self.failure, anyhow::anyhow!("{} panicked", self.name));
            self.soft.cancel();
        }
    }
}

fn record(slot: &Mutex<Option<anyhow::Error>>, error: anyhow::Error) {
    slot.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get_or_insert(error);
}

async fn upkeep(prometheus: PrometheusHandle, soft: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(METRICS_UPKEEP);
    loop {
        tokio::select! {
            () = soft.cancelled() => return Ok(()),
            _ = tick.tick() => prometheus.run_upkeep(),
        }
    }
}
