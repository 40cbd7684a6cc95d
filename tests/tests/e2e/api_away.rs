//! The API server does not answer for more than a minute, or for five when there is time. The operator neither ends nor runs hot, and goes on as soon as it
//! answers again.

use anyhow::{Context as _, Result, ensure};
use std::{process::Command, time::Duration};
use tests::{cluster::Cluster, faults::is_long, platform::Platform, wait::wait_for};
use tokio::time::{Instant, sleep_until};

/// How long it is away.
fn away() -> Duration {
    Duration::from_secs(if is_long() { 300 } else { 75 })
}

/// Until the operator has followed a change that was made at the first moment after that.
const CONVERGED: Duration = Duration::from_secs(30);
/// Lines of its log for each second that it is away: one try after the other, with growing pauses.
const LINES: u64 = 2;

/// An API server that is stopped, and goes on when this is dropped, whatever becomes of the test.
struct Frozen(Vec<String>);

impl Frozen {
    fn freeze() -> Result<Self> {
        let pids = processes("kube-apiserver")?;
        ensure!(!pids.is_empty(), "no API server was found");
        let frozen = Self(pids);
        frozen.signal("STOP")?;
        Ok(frozen)
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let status = Command::new("kill")
            .args(["-s", signal])
            .args(&self.0)
            .status()?;
        ensure!(status.success(), "kill -s {signal} {:?}", self.0);
        Ok(())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // One that stays stopped fails every test after this one.
        let _ = self.signal("CONT");
    }
}

/// Processes of the local cluster with this name: its mark is in their environment.
fn processes(name: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        // A process may end while we look.
        let (Ok(command), Ok(environment)) = (
            std::fs::read_to_string(path.join("comm")),
            std::fs::read(path.join("environ")),
        ) else {
            continue;
        };
        let ours = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable.starts_with(b"CREWDECK_CLUSTER="));
        if ours && command.trim() == name {
            found.extend(
                path.file_name()
                    .map(|pid| pid.to_string_lossy().into_owned()),
            );
        }
    }
    Ok(found)
}

/// The operator's pod, and how often its container was started again.
async fn operator(cluster: &Cluster) -> Result<(String, i32)> {
    let pods = cluster
        .pods("crewdeck-system", "app.kubernetes.io/component=operator")
        .await?;
    let pod = pods.into_iter().next().context("a pod of the operator")?;
    let statuses = pod.status.and_then(|status| status.container_statuses);
    let restarts = statuses
        .into_iter()
        .flatten()
        .map(|status| status.restart_count);
    Ok((pod.metadata.name.context("a name")?, restarts.sum()))
}

#[tokio::test]
async fn e2e_the_api_server_is_away_for_a_while() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    let before = operator(&cluster).await?;
    let began = Instant::now();
    let frozen = Frozen::freeze()?;
    // Not a wait for a condition: the time that it is away is what is tested.
    sleep_until(began + away()).await;
    drop(frozen);
    let back = Instant::now();
    let service = format!("{}-web", platform.name);
    let of = |verb: &'static str| ["-n", &platform.namespace, verb, "service", &service];
    wait_for("the API server answers", CONVERGED, async || {
        cluster.kubectl(&of("delete"))
    })
    .await?;
    wait_for(
        "the operator has put the Service back",
        CONVERGED,
        async || cluster.kubectl(&of("get")),
    )
    .await?;
    let converged = back.elapsed();
    println!(
        "converged {} s after the API server came back",
        converged.as_secs()
    );
    ensure!(
        converged <= CONVERGED,
        "only after {} s",
        converged.as_secs()
    );
    platform.ready(CONVERGED).await?;
    ensure!(
        operator(&cluster).await? == before,
        "the operator was started again"
    );

    let since = format!("--since={}s", began.elapsed().as_secs());
    let log = cluster.kubectl(&["-n", "crewdeck-system", "logs", &before.0, &since])?;
    let lines = log.lines().count();
    println!("{lines} lines of log meanwhile");
    ensure!(
        u64::try_from(lines)? <= LINES * away().as_secs(),
        "{lines} lines, such as {:?}",
        log.lines().next()
    );
    Ok(())
}
