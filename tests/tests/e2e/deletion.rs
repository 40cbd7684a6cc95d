//! Deleting a platform: gone within a minute, with what it had outside kept or dropped by policy, and nothing left over
//! that nobody names.

use crate::away::Away;
use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tests::{backends, cluster::Cluster, external, platform::Platform, wait::wait_for};
use tokio::time::Instant;

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
    again_over_what_was_kept(&cluster, &platform, spec, &prefix).await?;
    external::drop_all(servers, &external::named(servers, &prefix).await?).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// The same Platform over the databases that were kept: the same people, and no login drawn for one more. This time only the
/// databases are kept when it goes, and whatever it has on the other servers is dropped.
async fn again_over_what_was_kept(
    cluster: &Cluster,
    platform: &Platform,
    mut spec: Value,
    prefix: &str,
) -> Result<()> {
    for server in ["/redis", "/events/kafka"] {
        let server = spec.pointer_mut(server).context("the spec has it")?;
        server["deletionPolicy"] = json!("Delete");
    }
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
    platform.delete(GONE).await?;
    let left = external::named(&cluster.status.backends, prefix).await?;
    let of = |kind: &str| left.iter().filter(|name| name.starts_with(kind)).count();
    ensure!(
        of("database ") == 2 && of("topic ") == 0 && of("user ") == 0,
        "each server has a policy of its own: {left:?}"
    );
    Ok(())
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

/// What the ledger of a platform names on one of the servers.
async fn ledger(cluster: &Cluster, platform: &Platform, server: &str) -> Result<BTreeSet<String>> {
    let name = platform.secret("external");
    let text = cluster
        .config_file(&platform.namespace, &name, "ledger.json")
        .await?;
    let things: Vec<Value> = serde_json::from_str(&text)?;
    let of_server = things.iter().filter(|thing| thing["server"] == server);
    let names = of_server.filter_map(|thing| thing["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Nobody knows the login of a server any more: what the others have is dropped, the Platform waits, and when it is let go of
/// by force, its Event names all that is left.
#[tokio::test]
async fn e2e_a_forced_release_without_a_login_names_what_is_left() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let servers = &cluster.status.backends;
    let (platform, _, prefix) = installed(&cluster, "forced", "Delete").await?;
    let within = |arguments: &[&str]| {
        let all = [&["-n", platform.namespace.as_str()], arguments].concat();
        cluster.kubectl(&all)
    };
    let things = ledger(&cluster, &platform, "redis").await?;
    let some = things.first().context("users and keys")?;
    within(&["delete", "secret", &platform.secret("redis")])?;
    within(&["delete", "platform", &platform.name, "--wait=false"])?;
    let told = platform.told("Ready", some, READY).await?;
    ensure!(
        told.reason == "LeftBehind" && told.message.contains("force-release"),
        "{told:?}"
    );
    let left = external::named(servers, &prefix).await?;
    ensure!(
        !left.is_empty() && left.iter().all(|name| name.starts_with("user ")),
        "what can go has not gone: {left:?}"
    );
    let force = "crewdeck.io/force-release=true";
    within(&["annotate", "platform", &platform.name, force])?;
    platform.gone(GONE).await?;
    let notes = within(&[
        "get",
        "events",
        "--field-selector=reason=LeftBehind",
        "-o",
        "jsonpath={range .items[*]}{.message} {end}",
    ])?;
    for thing in &things {
        ensure!(notes.contains(thing.as_str()), "{thing} is not in: {notes}");
    }
    external::drop_all(servers, &left).await?;
    cluster.delete_namespace(&platform.namespace).await
}

/// Nobody is there who could let go, the server is gone, and then Secrets and ledger go with the namespace: it goes as soon as
/// an operator is back, and the operator tells what that leaves.
#[tokio::test]
async fn e2e_long_a_namespace_goes_after_the_operator_was_away_and_a_server_went() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let servers = &cluster.status.backends;
    let (platform, _, prefix) = installed(&cluster, "swept", "Delete").await?;
    let namespace = platform.namespace.as_str();
    let away = Away::send(&cluster).await?;
    let secret = platform.secret("postgres");
    let mut gone = cluster.secret(namespace, &secret).await?;
    gone.insert("host".to_owned(), "nowhere.backends.svc".to_owned());
    platform.write_secret("postgres", &gone).await?;
    cluster.delete_namespace(namespace).await?;
    // Pods have their time to end.
    wait_for("nothing but the Platform is left", READY, async || {
        let left = cluster.kubectl(&[
            "-n",
            namespace,
            "get",
            "secrets,configmaps,pods,rolebindings,platforms",
            "-o",
            "name",
        ])?;
        ensure!(
            left.trim() == format!("platform.crewdeck.io/{}", platform.name),
            "{left}"
        );
        Ok(())
    })
    .await?;

    away.end()?;
    let back = Instant::now();
    let namespaces: Api<Namespace> = Api::all(cluster.kube.clone());
    wait_for("the namespace is gone", GONE, async || {
        let left = namespaces.get_opt(namespace).await?;
        ensure!(left.is_none(), "{:?}", left.and_then(|left| left.status));
        Ok(())
    })
    .await?;
    println!(
        "the namespace went {} s after the operator came back",
        back.elapsed().as_secs()
    );
    let log = cluster.kubectl(&[
        "-n",
        "crewdeck-system",
        "logs",
        "-l",
        "app.kubernetes.io/component=operator",
        "--tail=-1",
    ])?;
    let names_it =
        |line: &str| line.contains("released without its ledger") && line.contains(&prefix);
    ensure!(log.lines().any(names_it), "the log does not name {prefix}");
    // What it names is what is there.
    let left = external::named(servers, &prefix).await?;
    ensure!(!left.is_empty(), "nothing is left that was named");
    external::drop_all(servers, &left).await
}

/// Deleted while nobody is there, and made again under the same name: all of the former one is dropped first, and none of its
/// people, keys or logins come back.
#[tokio::test]
async fn e2e_long_deleted_while_the_operator_is_away_and_made_again() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let servers = &cluster.status.backends;
    let (platform, spec, prefix) = installed(&cluster, "again", "Delete").await?;
    let secrets = async || -> Result<Vec<String>> {
        let mut values = Vec::new();
        for (name, key) in [
            ("admin", "password"),
            ("db-app", "url"),
            ("redis-app", "url"),
            ("kafka-app", "password"),
        ] {
            let name = platform.secret(name);
            let mut secret = cluster.secret(&platform.namespace, &name).await?;
            values.push(
                secret
                    .remove(key)
                    .with_context(|| format!("{name}: {key}"))?,
            );
        }
        Ok(values)
    };
    let before = secrets().await?;
    let keys = platform.signing_keys().await?;
    let away = Away::send(&cluster).await?;
    cluster.kubectl(&[
        "-n",
        &platform.namespace,
        "delete",
        "platform",
        &platform.name,
        "--wait=false",
    ])?;
    away.end()?;
    platform.gone(GONE).await?;
    let left = external::named(servers, &prefix).await?;
    ensure!(left.is_empty(), "left on the servers: {left:?}");
    nothing_is_left(&cluster, &platform).await?;

    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let after = secrets().await?;
    let same = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before == after);
    ensure!(same.count() == 0, "a login of the former one is back");
    for (kid, _) in platform.signing_keys().await? {
        ensure!(keys.iter().all(|(was, _)| *was != kid), "{kid} is back");
    }
    let again = platform.setting("worker", "topic_prefix").await?;
    ensure!(again == prefix, "{again} was {prefix}");
    platform.delete(GONE).await?;
    cluster.delete_namespace(&platform.namespace).await
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
