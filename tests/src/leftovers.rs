//! What a run of the tests that failed or was killed has left behind, in the cluster and on the servers. The next run begins
//! without it: it would share the processors and the operator with it, and its deadlines would depend on what failed before.

use crate::{backends, cluster::Cluster, external, wait::wait_for};
use anyhow::{Context as _, Result, anyhow, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt as _, api::ListParams};
use std::time::Duration;
use tokio::sync::OnceCell;

/// A label of everything that a test makes and that is in no namespace, and of the namespaces.
pub const LABEL: &str = "crewdeck.io/test";
/// How long it may take until Platforms, and then a namespace, are gone.
const GONE: Duration = Duration::from_mins(2);
const OPERATOR: [&str; 2] = [
    "--namespace=crewdeck-system",
    "deployment/crewdeck-operator",
];

/// The words of a failure, so that the second test does not wait for what the first one waited for in vain.
static CLEARED: OnceCell<Result<(), String>> = OnceCell::const_new();

/// Clears away what former runs have left, once in this process. Two runs at a time would clear away each other's; there is
/// one cluster, and its tests run one by one.
pub(crate) async fn clear_once(cluster: &Cluster) -> Result<()> {
    let cleared = CLEARED
        .get_or_init(async || clear(cluster).await.map_err(|error| format!("{error:#}")))
        .await;
    let cleared = cleared.clone().map_err(|words| anyhow!(words));
    cleared.context("clear away what a former run has left")
}

/// Clears away everything that bears the label.
///
/// # Errors
/// When it is not gone in time, or a server refuses.
pub async fn clear(cluster: &Cluster) -> Result<()> {
    // First: an API that nobody serves keeps every namespace from being deleted.
    let kinds = "apiservices,customresourcedefinitions";
    cluster.kubectl(&["delete", kinds, "--selector", LABEL, "--ignore-not-found"])?;
    let namespaces: Api<Namespace> = Api::all(cluster.kube.clone());
    let left = namespaces
        .list(&ListParams::default().labels(LABEL))
        .await?;
    if left.items.is_empty() {
        return Ok(());
    }
    bring_back_operator(cluster)?;
    for namespace in left {
        let name = namespace.name_any();
        clear_namespace(cluster, &name)
            .await
            .with_context(|| format!("clear away namespace {name}"))?;
    }
    Ok(())
}

/// A test that was killed may have sent it away.
fn bring_back_operator(cluster: &Cluster) -> Result<()> {
    let [namespace, deployment] = OPERATOR;
    let replicas = ["get", deployment, "-o", "jsonpath={.spec.replicas}"];
    if cluster.kubectl(&[&[namespace], &replicas[..]].concat())? == "0" {
        cluster.kubectl(&[namespace, "scale", deployment, "--replicas=1"])?;
    }
    cluster.kubectl(&[namespace, "rollout", "status", deployment, "--timeout=2m"])?;
    Ok(())
}

/// Clears away a namespace, its Platforms and what they have on the servers, wherever a test has ended.
///
/// # Errors
/// When it is not gone in time, or a server refuses.
pub async fn clear_namespace(cluster: &Cluster, name: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(cluster.kube.clone());
    if let Some(namespace) = namespaces.get_opt(name).await? {
        let within = format!("--namespace={name}");
        let platforms = |arguments: &[&str]| {
            let all = [&[within.as_str()], arguments].concat();
            cluster.kubectl(&all)
        };
        // Whoever holds one up is forced: what is left on the servers is dropped below.
        let force = "crewdeck.io/force-release=true";
        // Not when there is none, or one that goes meanwhile.
        let _ = platforms(&["annotate", "platforms", "--all", "--overwrite", force]);
        platforms(&["delete", "platforms", "--all", "--wait=false"])?;
        wait_for("the Platforms are gone", GONE, async || {
            let left = platforms(&["get", "platforms", "-o", "name"])?;
            ensure!(left.is_empty(), "{left}");
            Ok(())
        })
        .await
        .map_err(|error| error.context(cluster.describe(name)))?;
        if namespace.metadata.deletion_timestamp.is_none() {
            cluster.delete_namespace(name).await?;
        }
    }
    wait_for("the namespace is gone", GONE, async || {
        let left = namespaces.get_opt(name).await?;
        ensure!(left.is_none(), "{:?}", left.and_then(|left| left.status));
        Ok(())
    })
    .await?;
    let servers = &cluster.status.backends;
    let left = external::named(servers, name).await?;
    external::drop_all(servers, &left).await?;
    forget_keys(cluster, name).await
}

/// Drops the keys of Redis that a kept namespace has.
async fn forget_keys(cluster: &Cluster, namespace: &str) -> Result<()> {
    let mut redis = backends::redis_admin(&cluster.status.backends.redis).await?;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg(format!("{namespace}-*"))
        .query_async(&mut redis)
        .await?;
    if !keys.is_empty() {
        redis::cmd("UNLINK")
            .arg(keys)
            .query_async::<redis::Value>(&mut redis)
            .await?;
    }
    Ok(())
}
