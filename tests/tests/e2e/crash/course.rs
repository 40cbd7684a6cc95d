//! One platform through all workloads, under an operator that lives many lives, or two at once.

use super::{
    census::{Census, Count},
    deaths::{Deaths, Done, Life, Lives},
    mask::Mask,
    state::{State, state},
    workloads::Workload,
};
use anyhow::{Context as _, Result, bail, ensure};
use common_clock::{SystemClock, SystemIds};
use futures::future::select_all;
use operator::{OperatorConfig, acts::witnessed};
use serde_json::Value;
use std::{pin::pin, sync::Arc, time::Duration};
use tests::{cluster::Cluster, platform::Platform, wait::wait_for};
use tokio::time::Instant;

/// An operator that has done nothing for so long has nothing more to do.
const QUIET: Duration = Duration::from_secs(3);
/// How long it may take until then, once a workload is done.
const SETTLED: Duration = Duration::from_secs(90);

/// What one workload came to.
pub(super) struct Outcome {
    /// Which one.
    pub(super) workload: Workload,
    /// What was done.
    pub(super) done: Done,
    /// What there was in the end.
    pub(super) state: State,
    /// What was made and deleted from the beginning on.
    pub(super) count: Count,
    /// Seconds.
    pub(super) took: u64,
}

/// A platform, and the operator that works on it.
struct World<'a> {
    cluster: &'a Cluster,
    platform: Platform,
    config: OperatorConfig,
    lives: Lives,
    deaths: Arc<Deaths>,
    mask: Mask,
}

/// Runs the workloads on a platform of its own, with such lives.
pub(super) async fn run(
    cluster: &Cluster,
    workloads: &[Workload],
    lives: Lives,
) -> Result<Vec<Outcome>> {
    let platform = Platform::prepare(cluster, "crash").await?;
    on_this_side(cluster, &platform).await?;
    let config = OperatorConfig {
        cluster_name: cluster_name(cluster).await?,
        watch_namespaces: vec![platform.namespace.clone()],
        ..OperatorConfig::default()
    };
    let mask = Mask::of(&config.cluster_name, &platform.namespace, &platform.name);
    let world = World {
        cluster,
        deaths: Arc::new(Deaths::new(lives, mask.clone())),
        lives,
        platform,
        config,
        mask,
    };
    let census = Census::begin(cluster, &world.platform.namespace, &world.mask);
    let mut spec = world.platform.spec().await?;
    let mut outcomes = Vec::new();
    for workload in workloads {
        let outcome = world
            .through(*workload, &mut spec, &census)
            .await
            .with_context(|| format!("{lives:?} {}", workload.name()))?;
        outcomes.push(outcome);
    }
    drop(census);
    cluster.delete_namespace(&world.platform.namespace).await?;
    Ok(outcomes)
}

/// The name that the cluster's own operator goes by: should the test fail, it finds what is its own.
pub(super) async fn cluster_name(cluster: &Cluster) -> Result<String> {
    let config = cluster
        .config_file(
            "crewdeck-system",
            "crewdeck-operator-config",
            "crewdeck.toml",
        )
        .await?;
    let line = config
        .lines()
        .find_map(|line| line.trim().strip_prefix("cluster_name = "));
    let name = line.context("the configuration has cluster_name")?;
    Ok(name.trim_matches('"').to_owned())
}

/// The Secrets name the servers as pods know them; this operator is no pod.
async fn on_this_side(cluster: &Cluster, platform: &Platform) -> Result<()> {
    let servers = &cluster.status.backends;
    for (name, server) in [
        ("postgres", &servers.postgres),
        ("redis", &servers.redis),
        ("kafka", &servers.kafka),
    ] {
        let secret = platform.secret(name);
        let mut data = cluster.secret(&platform.namespace, &secret).await?;
        for (key, value) in &mut data {
            if key.ends_with("host") {
                value.clone_from(&server.host);
            }
            if key == "bootstrap-servers" {
                *value = format!("{}:{}", server.host, server.port);
            }
        }
        platform.write_secret(name, &data).await?;
    }
    Ok(())
}

impl World<'_> {
    async fn through(
        &self,
        workload: Workload,
        spec: &mut Value,
        census: &Census,
    ) -> Result<Outcome> {
        let begun = Instant::now();
        let goal = async {
            workload.run(self.cluster, &self.platform, spec).await?;
            self.settled().await
        };
        let mut goal = pin!(goal);
        loop {
            let cluster = self.cluster.config().await?;
            let live = |number| {
                let deaths = self.deaths.clone();
                let witness = Arc::new(Life { deaths, number });
                let life = operator::controllers(
                    cluster.clone(),
                    self.config.clone(),
                    Arc::new(SystemClock),
                    Arc::new(SystemIds),
                );
                // On the heap, and dropped where it is: everything that it knew is gone.
                Box::pin(witnessed(witness, life))
            };
            let at_once = if self.lives == Lives::Two { 2 } else { 1 };
            let lives = select_all((0..at_once).map(live));
            tokio::select! {
                biased;
                () = self.deaths.end() => {}
                done = &mut goal => {
                    done?;
                    break;
                }
                (ended, ..) = lives => bail!("the operator ended by itself: {ended:?}"),
            }
        }
        if workload == Workload::Delete {
            self.nothing_is_left(census).await?;
        }
        Ok(Outcome {
            workload,
            done: self.deaths.take(),
            state: state(self.cluster, &self.platform, &self.mask).await?,
            count: census.count(),
            took: begun.elapsed().as_secs(),
        })
    }

    /// Waits until the operator has nothing more to do.
    async fn settled(&self) -> Result<()> {
        let begun = Instant::now();
        wait_for("the operator is quiet", SETTLED, async || {
            let last = self.deaths.last().context("it has not acted yet")?;
            ensure!(last.max(begun).elapsed() > QUIET, "it acts");
            Ok(())
        })
        .await
    }

    /// Waits until nothing is left in the cluster or on a server.
    async fn nothing_is_left(&self, census: &Census) -> Result<()> {
        wait_for("nothing is left", SETTLED, async || {
            let state = state(self.cluster, &self.platform, &self.mask).await?;
            ensure!(state.is_empty(), "{state:?}");
            // The watches may be a moment behind.
            let mut there = census.count();
            there.retain(|name, (made, deleted)| {
                made > deleted && name.contains("/p-") && !is_of_the_user(name)
            });
            ensure!(there.is_empty(), "{there:?}");
            Ok(())
        })
        .await
    }
}

/// The three Secrets that the test has made.
fn is_of_the_user(name: &str) -> bool {
    ["secrets/p-postgres", "secrets/p-redis", "secrets/p-kafka"].contains(&name)
}
