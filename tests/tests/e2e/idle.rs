//! A platform that is as it should be costs the API server reads only: the operator's passes write nothing.

use anyhow::{Context as _, Result, ensure};
use std::{collections::BTreeMap, time::Duration};
use tests::{cluster::Cluster, platform::Platform};
use tokio::time::{Instant, interval};

/// Longer than two of the operator's regular passes, which are a minute apart.
const WINDOW: Duration = Duration::from_secs(130);

/// Every kind of object that the operator writes.
const KINDS: &str = "platforms,deployments,services,secrets,configmaps,serviceaccounts,jobs,poddisruptionbudgets,networkpolicies";

#[tokio::test]
async fn e2e_an_idle_platform_is_not_written() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::ready_sample(&cluster).await?;
    let before = versions(&cluster, &platform)?;
    ensure!(
        before.len() > 20,
        "only {} objects: {before:?}",
        before.len()
    );
    let end = Instant::now() + WINDOW;
    let mut looks = interval(Duration::from_secs(5));
    while Instant::now() < end {
        looks.tick().await;
        let now = versions(&cluster, &platform)?;
        let changed: Vec<_> = now
            .iter()
            .filter(|(name, version)| before.get(*name) != Some(*version))
            .collect();
        ensure!(changed.is_empty(), "written while idle: {changed:?}");
        ensure!(now.len() == before.len(), "removed while idle");
    }
    Ok(())
}

/// The resource version of every object of the namespace that the platform owns, and of the platform.
fn versions(cluster: &Cluster, platform: &Platform) -> Result<BTreeMap<String, String>> {
    let text = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        KINDS,
        "-l",
        "app.kubernetes.io/part-of=crewdeck",
        "-o",
        "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}",
    ])?;
    text.lines()
        .map(|line| {
            let (name, version) = line.split_once(' ').context("a name and a version")?;
            Ok((name.to_owned(), version.to_owned()))
        })
        .collect()
}
