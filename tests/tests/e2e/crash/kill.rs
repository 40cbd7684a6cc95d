//! A real end of the operator's process, as the kernel's last resort brings it: no handler runs.

use anyhow::{Context as _, Result, ensure};
use common_clock::{Ids as _, SeededIds};
use std::{process::Command, time::Duration};
use tests::{cluster::Cluster, external, platform::Platform};
use tokio::time::{Instant, sleep_until};

/// Decides when.
const SEED: u64 = 7;
/// The time within which an undisturbed installation does its writes.
const WINDOW_MILLIS: u64 = 15_000;

#[tokio::test]
async fn e2e_a_killed_operator_leaves_no_trace() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "kill").await?;
    let spec = platform.spec().await?;
    let started = Instant::now();
    platform.apply(&spec).await?;
    let after = moment();
    // Not a wait for a condition: the moment itself is what was drawn.
    sleep_until(started + after).await;
    kill_operator(&cluster).await?;
    platform
        .ready(Duration::from_mins(3))
        .await
        .with_context(|| format!("killed after {} ms", after.as_millis()))?;
    let prefix = platform.setting("worker", "topic_prefix").await?;
    let had = external::named(&cluster.status.backends, &prefix).await?;
    ensure!(!had.is_empty(), "nothing of {prefix} is on the servers");
    platform.delete(Duration::from_mins(1)).await?;
    let left = external::named(&cluster.status.backends, &prefix).await?;
    ensure!(left.is_empty(), "left on the servers: {left:?}");
    cluster.delete_namespace(&platform.namespace).await
}

/// The seed's moment within the window.
fn moment() -> Duration {
    let mut bytes = [0; 8];
    SeededIds::new(SEED).fill(&mut bytes);
    Duration::from_millis(u64::from_le_bytes(bytes) % WINDOW_MILLIS)
}

/// Ends the operator's processes. The kubelet starts the container again.
async fn kill_operator(cluster: &Cluster) -> Result<()> {
    let pods = cluster
        .pods("crewdeck-system", "app.kubernetes.io/component=operator")
        .await?;
    let mut killed = 0;
    for pod in pods {
        let uid = pod.metadata.uid.context("a pod has a uid")?;
        for pid in processes_of(&uid)? {
            let status = Command::new("kill").args(["-KILL", &pid]).status()?;
            ensure!(status.success(), "kill -KILL {pid} failed");
            killed += 1;
        }
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
