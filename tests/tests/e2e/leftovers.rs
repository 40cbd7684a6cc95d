//! A run that was killed leaves what it had begun. The next one clears it away before its first test.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use std::time::Duration;
use tests::{cluster::Cluster, external, leftovers, platform::Platform, wait::wait_for};

#[tokio::test]
async fn e2e_what_a_killed_run_left_is_cleared_away() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "leftover").await?;
    let servers = &cluster.status.backends;
    platform.apply(&platform.spec().await?).await?;
    let limit = Duration::from_mins(1);
    wait_for("something is on the servers", limit, async || {
        let found = external::named(servers, &platform.namespace).await?;
        ensure!(
            found.iter().any(|name| name.starts_with("topic ")),
            "{found:?}"
        );
        Ok(())
    })
    .await?;
    leftovers::clear(&cluster).await?;
    let namespaces: Api<Namespace> = Api::all(cluster.kube.clone());
    let left = namespaces.get_opt(&platform.namespace).await?;
    ensure!(left.is_none(), "{left:?}");
    let left = external::named(servers, &platform.namespace).await?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}
