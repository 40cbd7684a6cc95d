//! Deleting a platform: gone within a minute, with what it had outside kept or dropped by policy, and nothing left over
//! that nobody names.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{backends, cluster::Cluster, external, platform::Platform, wait::wait_for};

const READY: Duration = Duration::from_mins(2);
const GONE: Duration = Duration::from_mins(1);
/// The operator looks every 15 seconds whose figures are to be forgotten.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// A Ready platform, its spec, and the word that all its external names have in common.
async fn installed(
    cluster: &Cluster,
    purpose: &str,
    policy: &str,
) -> Result<(Platform, Value, String)> {
    let platform = Platform::prepare(cluster, purpose).await?;
    let mut spec = platform.spec().await?;
    for pointer in ["/database", "/redis", "/events/kafka"] {
        let place = spec
            .pointer_mut(pointer)
            .with_context(|| format!("the spec has {pointer}"))?;
        place["deletionPolicy"] = json!(policy);
    }
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let prefix = platform.setting("worker", "topic_prefix").await?;
    Ok((platform, spec, prefix))
}

#[tokio::test]
async fn e2e_delete_drops_everything() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let servers = &cluster.status.backends;
    let (platform, _, prefix) = installed(&cluster, "drop", "Delete").await?;
    let had = external::named(servers, &prefix).await?;
    for kind in ["database", "role", "user", "topic"] {
        ensure!(
            had.iter().any(|name| name.starts_with(kind)),
            "no {kind} of {prefix}: {had:?}"
        );
    }
    let figures = format!(
        "namespace=\"{}\",platform=\"{}\"",
        platform.namespace, platform.name
    );
    let told = async || anyhow::Ok(cluster.operator_metrics().await?.contains(&figures));
    ensure!(told().await?, "the operator tells nothing of {figures}");
    platform.delete(GONE).await?;
    let left = external::named(servers, &prefix).await?;
    ensure!(left.is_empty(), "left on the servers: {left:?}");
    wait_for("its figures are forgotten", FORGOTTEN, async || {
        ensure!(!told().await?, "the operator goes on telling of {figures}");
        Ok(())
    })
    .await?;
    nothing_is_left(&cluster, &platform).await?;
    cluster.delete_namespace(&platform.namespace).await
}

#[tokio::test]
async fn e2e_retain_keeps_the_data_and_no_login() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let servers = &cluster.status.backends;
    let (platform, spec, prefix) = installed(&cluster, "retain", "Retain").await?;
    let url = cluster
        .secret(&platform.namespace, &format!("{}-db-app", platform.name))
        .await?
        .remove("url")
        .context("the Secret has url")?;
    let login = backends::postgres_options(&servers.postgres, &url, backends::Server::Primary)?;
    backends::postgres(&login)
        .await
        .context("the login works while the platform runs")?;

    platform.delete(GONE).await?;
    let left = external::named(servers, &prefix).await?;
    ensure!(
        left.iter().any(|name| name.starts_with("database")),
        "no database was kept: {left:?}"
    );
    ensure!(
        left.iter().any(|name| name.starts_with("topic")),
        "no topic was kept: {left:?}"
    );
    ensure!(
        backends::postgres(&login).await.is_err(),
        "the application's login still works"
    );
    nothing_is_left(&cluster, &platform).await?;
    again_over_what_was_kept(&cluster, &platform, spec).await?;
    external::drop_all(servers, &external::named(servers, &prefix).await?).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// The same Platform over the databases that were kept: the same people, and no login drawn for one more.
async fn again_over_what_was_kept(
    cluster: &Cluster,
    platform: &Platform,
    spec: Value,
) -> Result<()> {
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let admin = format!("{}-admin", platform.name);
    let drawn = cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "get",
        "secret",
        &admin,
        "--ignore-not-found",
        "-o",
        "name",
    ])?;
    ensure!(drawn.is_empty(), "{drawn} holds a login that nobody has");
    let url = cluster
        .secret(&platform.namespace, &format!("{}-db-app", platform.name))
        .await?
        .remove("url")
        .context("the Secret has url")?;
    let postgres = &cluster.status.backends.postgres;
    let login = backends::postgres_options(postgres, &url, backends::Server::Primary)?;
    let mut connection = backends::postgres(&login).await?;
    let administrators: i64 = sqlx::query_scalar("select count(*) from users where is_admin")
        .fetch_one(&mut connection)
        .await?;
    ensure!(administrators == 1, "{administrators} administrators");
    platform.delete(GONE).await
}

/// No object of the platform is left in its namespace.
async fn nothing_is_left(cluster: &Cluster, platform: &Platform) -> Result<()> {
    wait_for("no object is left", GONE, async || {
        let text = cluster.kubectl(&[
            "-n",
            &platform.namespace,
            "get",
            "deployments,services,secrets,configmaps,serviceaccounts,jobs,pods,poddisruptionbudgets,networkpolicies",
            "-l",
            &platform.labels(),
            "-o",
            "name",
        ])?;
        ensure!(text.trim().is_empty(), "left in the namespace: {text}");
        Ok(())
    })
    .await
}

/// A spec with an unknown policy is refused, so nobody loses data by a slip.
#[tokio::test]
async fn e2e_an_unknown_policy_is_refused() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "policy").await?;
    let mut spec: Value = platform.spec().await?;
    spec["database"]["deletionPolicy"] = json!("Maybe");
    let refusal = platform
        .apply(&spec)
        .await
        .err()
        .map(|error| format!("{error:#}"));
    ensure!(
        refusal.as_ref().is_some_and(|text| text.contains("Maybe")),
        "{refusal:?}"
    );
    cluster.delete_namespace(&platform.namespace).await
}
