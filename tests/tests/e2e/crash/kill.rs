//! A real end of the operator's process, as the kernel's last resort brings it: no handler runs. The moments are drawn, and
//! what it comes to each time is what an installation comes to that nobody disturbs.

use super::{
    census::{Census, Count},
    course::cluster_name,
    mask::Mask,
    state::{State, state},
    table::difference,
};
use anyhow::{Context as _, Result, bail, ensure};
use common_clock::{Ids as _, SeededIds};
use std::{process::Command, time::Duration};
use tests::{cluster::Cluster, external, faults::is_long, platform::Platform, wait::wait_for};
use tokio::time::{Instant, sleep_until};

/// Moments at which it is killed.
const SEEDS: u32 = 3;
/// The same in a long run.
const SEEDS_OF_FAULTS: u32 = 10;
/// How often a moment is drawn that must come before the platform is Ready, each time from half as long.
const DRAWS: u32 = 3;
/// How long an installation may take, with an operator that has to come back and to wait for the lease of the killed one.
const READY: Duration = Duration::from_mins(3);
/// An end that has not changed for so long is one.
const QUIET: Duration = Duration::from_secs(3);
/// How long it may take until then.
const SETTLED: Duration = Duration::from_secs(90);

#[tokio::test]
async fn e2e_a_killed_operator_leaves_no_trace() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let (reference, window) = undisturbed(&cluster).await.context("undisturbed")?;
    let seeds = if is_long() { SEEDS_OF_FAULTS } else { SEEDS };
    for seed in 1..=seeds {
        let when = killed(&cluster, (seed, seeds), window, &reference)
            .await
            .with_context(|| format!("seed {seed}"))?;
        println!("seed {seed}: {when}");
    }
    Ok(())
}

/// What an installation came to.
#[derive(Debug, PartialEq)]
struct End {
    state: State,
    count: Count,
}

/// A platform that is being installed.
struct Installation<'a> {
    cluster: &'a Cluster,
    platform: Platform,
    mask: Mask,
    census: Census,
    begun: Instant,
}

impl<'a> Installation<'a> {
    async fn begin(cluster: &'a Cluster) -> Result<Self> {
        let platform = Platform::prepare(cluster, "kill").await?;
        let spec = platform.spec().await?;
        let name = cluster_name(cluster).await?;
        let mask = Mask::of(&name, &platform.namespace, &platform.name);
        let census = Census::begin(cluster, &platform.namespace, &mask);
        let begun = Instant::now();
        platform.apply(&spec).await?;
        Ok(Self {
            cluster,
            platform,
            mask,
            census,
            begun,
        })
    }

    async fn is_ready(&self) -> Result<bool> {
        let conditions = self.platform.conditions().await?;
        let ready = conditions.get("Ready");
        Ok(ready.is_some_and(|ready| ready.status == "True"))
    }

    /// What it has come to until now.
    async fn now(&self) -> Result<End> {
        Ok(End {
            state: state(self.cluster, &self.platform, &self.mask).await?,
            count: self.census.count(),
        })
    }

    /// Takes everything away again, and looks whether it is.
    async fn remove(self) -> Result<()> {
        self.platform.delete(Duration::from_mins(1)).await?;
        let left = external::named(&self.cluster.status.backends, self.mask.prefix()).await?;
        ensure!(left.is_empty(), "left on the servers: {left:?}");
        let namespace = &self.platform.namespace;
        self.cluster.delete_namespace(namespace).await
    }
}

/// What an installation comes to, and how long it takes until it is Ready.
async fn undisturbed(cluster: &Cluster) -> Result<(End, Duration)> {
    let installation = Installation::begin(cluster).await?;
    installation.platform.ready(READY).await?;
    let took = installation.begun.elapsed();
    let last = tokio::sync::Mutex::new((installation.now().await?, Instant::now()));
    wait_for("the end", SETTLED, async || {
        let now = installation.now().await?;
        let mut last = last.lock().await;
        if last.0 != now {
            *last = (now, Instant::now());
        }
        ensure!(last.1.elapsed() > QUIET, "it changes");
        Ok(())
    })
    .await?;
    installation.remove().await?;
    let (end, _) = last.into_inner();
    for kind in ["Deployment/", "database ", "role ", "user ", "topic "] {
        let is_there = end.state.keys().any(|name| name.starts_with(kind));
        ensure!(is_there, "{kind}is missing: {:?}", end.state.keys());
    }
    Ok((end, took))
}

/// Installs a platform, kills the operator at the seed's moment and compares what it comes to. Tells when that was.
async fn killed(
    cluster: &Cluster,
    (seed, seeds): (u32, u32),
    window: Duration,
    reference: &End,
) -> Result<String> {
    for draw in 0..DRAWS {
        let after = moment(seed, seeds, window / 2_u32.pow(draw));
        let installation = Installation::begin(cluster).await?;
        // Not a wait for a condition: the moment itself is what was drawn.
        sleep_until(installation.begun + after).await;
        if installation.is_ready().await? {
            installation.remove().await?;
            continue;
        }
        kill_operator(cluster).await?;
        let when = format!(
            "killed after {} of {} ms",
            after.as_millis(),
            window.as_millis()
        );
        compared(&installation, reference)
            .await
            .context(when.clone())?;
        installation.remove().await?;
        return Ok(when);
    }
    bail!("the platform was Ready before each of {DRAWS} moments: nothing was interrupted")
}

/// Waits until the installation is Ready and has come to the same end.
async fn compared(installation: &Installation<'_>, reference: &End) -> Result<()> {
    installation.platform.ready(READY).await?;
    wait_for("the same end", SETTLED, async || {
        let now = installation.now().await?;
        let mut differs = difference("state", &reference.state, &now.state);
        differs.extend(difference("count", &reference.count, &now.count));
        ensure!(differs.is_empty(), "{}", differs.join("\n"));
        Ok(())
    })
    .await
}

/// The seed's moment in its part of the window: as many parts as seeds, so that they come early and late.
fn moment(seed: u32, seeds: u32, window: Duration) -> Duration {
    let mut byte = [0];
    SeededIds::new(seed.into()).fill(&mut byte);
    let part = window / seeds;
    part * (seed - 1) + part * byte[0].into() / 256
}

/// Ends the operator's processes.
async fn kill_operator(cluster: &Cluster) -> Result<()> {
    let pods = cluster
        .pods("crewdeck-system", "app.kubernetes.io/component=operator")
        .await?;
    let mut killed = 0;
    for pod in pods {
        let name = pod.metadata.name.context("a pod has a name")?;
        let uid = pod.metadata.uid.context("a pod has a uid")?;
        for pid in processes_of(&uid)? {
            let status = Command::new("kill").args(["-KILL", &pid]).status()?;
            ensure!(status.success(), "kill -KILL {pid} failed");
            killed += 1;
        }
        // Another pod, or many kills would only measure the kubelet's growing pause before it starts a container again.
        cluster.kubectl(&[
            "-n",
            "crewdeck-system",
            "delete",
            "pod",
            &name,
            "--grace-period=0",
            "--force",
            "--wait=false",
        ])?;
    }
    ensure!(killed > 0, "no process of the operator was found");
    Ok(())
}

/// Processes of this machine that run `crewdeck` in a pod: their control group carries the pod's uid.
fn processes_of(uid: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(pid) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        // A process may end while we look.
        let (Ok(groups), Ok(command)) = (
            std::fs::read_to_string(path.join("cgroup")),
            std::fs::read_to_string(path.join("comm")),
        ) else {
            continue;
        };
        if groups.contains(uid) && command.trim() == "crewdeck" {
            found.push(pid.to_owned());
        }
    }
    Ok(found)
}

#[test]
fn each_part_of_an_installation_has_its_moment() {
    let window = Duration::from_secs(30);
    for seeds in [SEEDS, SEEDS_OF_FAULTS] {
        for seed in 1..=seeds {
            let moment = moment(seed, seeds, window);
            let part = window / seeds;
            assert!(
                (part * (seed - 1)..part * seed).contains(&moment),
                "{seed} of {seeds}: {moment:?}"
            );
        }
    }
}
