//! The operator is killed at a random moment of an installation. Whatever it had just done, its successor reaches the
//! same end: nothing twice, nothing forgotten.

use anyhow::{Context as _, Result, ensure};
use common_clock::{Ids as _, SeededIds};
use std::{collections::BTreeSet, process::Command, time::Duration};
use tests::{cluster::Cluster, external, platform::Platform};
use tokio::time::{Instant, sleep_until};

/// Moments at which the operator is killed.
const SEEDS: u64 = 10;

/// The time within which an undisturbed installation does its writes.
const WINDOW_MILLIS: u64 = 15_000;

#[tokio::test]
async fn e2e_a_killed_operator_leaves_no_trace() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let mut expected: Option<BTreeSet<String>> = None;
    for seed in 1..=SEEDS {
        let shape = install_and_kill(&cluster, seed)
            .await
            .with_context(|| format!("seed {seed}"))?;
        if let Some(first) = &expected {
            ensure!(
                *first == shape,
                "seed {seed} ended differently: {:?}",
                first.symmetric_difference(&shape)
            );
        }
        expected = Some(shape);
    }
    Ok(())
}

/// Installs a platform, kills the operator at the seed's moment, and returns what there is in the end, by names that do
/// not depend on the namespace.
async fn install_and_kill(cluster: &Cluster, seed: u64) -> Result<BTreeSet<String>> {
    let platform = Platform::prepare(cluster, "crash").await?;
    let spec = platform.spec().await?;
    let started = Instant::now();
    platform.apply(&spec).await?;
    let after = moment(seed);
    // Not a wait for a condition: the moment itself is what is being varied.
    sleep_until(started + after).await;
    kill_operator(cluster).await?;
    platform
        .ready(Duration::from_mins(3))
        .await
        .with_context(|| format!("killed after {} ms", after.as_millis()))?;

    let prefix = platform.setting("worker", "topic_prefix").await?;
    let mut shape: BTreeSet<String> = external::named(&cluster.status.backends, &prefix)
        .await?
        .into_iter()
        .map(|name| name.replace('_', "-").replace(&prefix, "<prefix>"))
        .collect();
    shape.extend(objects(cluster, &platform)?);

    platform.delete(Duration::from_mins(1)).await?;
    let left = external::named(&cluster.status.backends, &prefix).await?;
    ensure!(left.is_empty(), "left on the servers: {left:?}");
    cluster.delete_namespace(&platform.namespace).await?;
    Ok(shape)
}

/// The seed's moment within the window.
fn moment(seed: u64) -> Duration {
    let mut bytes = [0; 8];
    SeededIds::new(seed).fill(&mut bytes);
    Duration::from_millis(u64::from_le_bytes(bytes) % WINDOW_MILLIS)
}

/// Ends the operator's processes as the kernel would: no signal handler runs.
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
        // Ten kills of one pod would only measure the kubelet's growing pause between restarts.
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

/// Kind and name of every object of the platform that lives as long as it does.
fn objects(cluster: &Cluster, platform: &Platform) -> Result<BTreeSet<String>> {
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        "deployments,services,secrets,configmaps,serviceaccounts",
        "-l",
        &platform.labels(),
        "-o",
        "name",
    ])?;
    Ok(text.lines().map(str::to_owned).collect())
}
