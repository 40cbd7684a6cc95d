//! What is looked at while logins change: that no pod was started again, that no role was refused anywhere, that a session
//! which somebody holds is cut, and, in a table, what became of each login.

use anyhow::{Context as _, Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};
use tests::{
    backends::{self, Server},
    cluster::Cluster,
    platform::{LOGINS, Platform},
    wait::wait_for,
};

/// How a server or a client's library tells that a login or a right is missing, in lower case.
const REFUSALS: [&str; 9] = [
    "authentication failed",
    "authentication error",
    "authenticationfailed",
    "not permitted to log in",
    "permission denied for",
    "wrongpass",
    "noauth",
    "noperm",
    "authorizationfailed",
];

/// After a minute Kafka has its clients log in again, and ends what does not.
const CUT: Duration = Duration::from_secs(90);

/// What was seen of a platform before its logins changed.
pub(crate) struct Before<'a> {
    cluster: &'a Cluster,
    platform: &'a Platform,
    users: BTreeMap<&'static str, String>,
    pods: BTreeMap<String, i32>,
    /// Somebody else's, with the login of the roles.
    session: BaseConsumer,
}

impl<'a> Before<'a> {
    /// As it is now.
    pub(crate) async fn of(cluster: &'a Cluster, platform: &'a Platform) -> Result<Self> {
        let kafka = secret(cluster, platform, "kafka-app").await?;
        let session: BaseConsumer =
            backends::kafka_login(&cluster.status.backends.kafka, &kafka)?.create()?;
        session.fetch_metadata(None, Duration::from_secs(5))?;
        Ok(Self {
            cluster,
            platform,
            users: users(cluster, platform).await?,
            pods: pods(cluster, platform).await?,
            session,
        })
    }

    /// What became of each login, whose change took so long.
    pub(crate) async fn table(&self, took: &BTreeMap<String, Duration>) -> Result<String> {
        table(self.cluster, self.platform, &self.users, took).await
    }

    /// Compares it with what is there after the change, which began so long ago.
    pub(crate) async fn compare(self, since: Duration) -> Result<()> {
        let (cluster, platform) = (self.cluster, self.platform);
        let now = pods(cluster, platform).await?;
        ensure!(
            now == self.pods,
            "pods changed: {:?} are now {now:?}",
            self.pods
        );
        let refusals = refusals(cluster, platform, now.into_keys(), since)?;
        ensure!(
            refusals.is_empty(),
            "roles were refused: {}",
            refusals.join("\n")
        );
        wait_for("the former session of Kafka is cut", CUT, async || {
            let seen = self.session.fetch_metadata(None, Duration::from_secs(5));
            ensure!(seen.is_err(), "it is open");
            Ok(())
        })
        .await
    }
}

/// The pods that run, each with how often its containers were started again.
async fn pods(cluster: &Cluster, platform: &Platform) -> Result<BTreeMap<String, i32>> {
    let pods = cluster
        .pods(&platform.namespace, &platform.labels())
        .await?;
    let mut running = BTreeMap::new();
    for pod in pods {
        let status = pod.status.unwrap_or_default();
        // Those of the migration have ended.
        if status.phase.as_deref() == Some("Running") {
            let containers = status.container_statuses.into_iter().flatten();
            let restarts = containers.map(|container| container.restart_count).sum();
            running.insert(pod.metadata.name.context("a pod has a name")?, restarts);
        }
    }
    Ok(running)
}

/// Lines in the logs of the roles, not older than `since`, that tell of a login or a right that was refused.
fn refusals(
    cluster: &Cluster,
    platform: &Platform,
    pods: impl IntoIterator<Item = String>,
    since: Duration,
) -> Result<Vec<String>> {
    let since = format!("--since={}s", since.as_secs() + 1);
    let mut refusals = Vec::new();
    for pod in pods {
        let log = cluster.kubectl(&["-n", &platform.namespace, "logs", &pod, &since])?;
        let refused = log.lines().filter(|line| {
            let line = line.to_lowercase();
            REFUSALS.iter().any(|words| line.contains(words))
        });
        refusals.extend(refused.map(|line| format!("{pod}: {line}")));
    }
    Ok(refusals)
}

/// Who is named in the Secret of each login.
async fn users(cluster: &Cluster, platform: &Platform) -> Result<BTreeMap<&'static str, String>> {
    let mut users = BTreeMap::new();
    for client in LOGINS {
        let secret = secret(cluster, platform, client).await?;
        let user = match secret.get("username") {
            Some(user) => Some(user.as_str()),
            None => secret.get("url").and_then(|url| user_of(url)),
        };
        users.insert(client, user.context("a login has a user")?.to_owned());
    }
    Ok(users)
}

/// `user` of `scheme://user:secret@host`.
fn user_of(url: &str) -> Option<&str> {
    let (user, _) = url.split_once("://")?.1.split_once(':')?;
    Some(user)
}

async fn secret(
    cluster: &Cluster,
    platform: &Platform,
    client: &str,
) -> Result<BTreeMap<String, String>> {
    cluster
        .secret(&platform.namespace, &platform.secret(client))
        .await
}

/// Logs in with what the Secret of a client says now, wherever it may be used. Names the servers that let it in.
async fn let_in(cluster: &Cluster, platform: &Platform, client: &str) -> Result<Vec<String>> {
    let servers = &cluster.status.backends;
    let secret = secret(cluster, platform, client).await?;
    let url = || secret.get("url").context("url");
    let mut let_in = Vec::new();
    if client.starts_with("db-") {
        for server in [Server::Primary, Server::Replica] {
            let options = backends::postgres_options(&servers.postgres, url()?, server)?;
            if backends::postgres(&options).await.is_ok() {
                let_in.push(format!("{server:?}").to_lowercase());
            }
        }
    } else if client.starts_with("redis-") {
        let mut redis = backends::redis(&servers.redis, url()?).await?;
        redis::cmd("PING")
            .query_async::<redis::Value>(&mut redis)
            .await?;
        let_in.push("redis".to_owned());
    } else {
        let consumer: BaseConsumer = backends::kafka_login(&servers.kafka, &secret)?.create()?;
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10))?;
        let brokers = metadata.brokers().iter();
        let_in.extend(brokers.map(|broker| format!("broker {}", broker.id())));
    }
    ensure!(!let_in.is_empty(), "{client} is let in nowhere");
    Ok(let_in)
}

/// One line for each login: the slot before and after, where the new one is let in, and when its change had ended.
async fn table(
    cluster: &Cluster,
    platform: &Platform,
    before: &BTreeMap<&'static str, String>,
    took: &BTreeMap<String, Duration>,
) -> Result<String> {
    let after = users(cluster, platform).await?;
    let mut table = format!(
        "{:<20} {:<7} {:<18} {}\n",
        "LOGIN", "SLOT", "LET IN BY", "SECONDS"
    );
    for client in LOGINS {
        let (was, is) = (&before[client], &after[client]);
        ensure!(was != is, "{client} is {is} as before");
        let servers = let_in(cluster, platform, client).await?.join(", ");
        let seconds = took.get(client).context("it has changed")?.as_secs();
        writeln!(
            table,
            "{client:<20} {:<7} {servers:<18} {seconds}",
            format!("{} to {}", slot(was), slot(is))
        )?;
    }
    // On each server as many names as there are logins, and as many again for their next change.
    let names = before.iter().chain(&after);
    let server = |client: &'static str| client.split('-').next();
    let names: BTreeSet<_> = names.map(|(client, user)| (server(client), user)).collect();
    ensure!(names.len() == 2 * LOGINS.len(), "{names:?}");
    Ok(table)
}

/// The letter of a user's slot.
fn slot(user: &str) -> char {
    if user.ends_with("-b") || user.ends_with("_b") {
        'B'
    } else {
        'A'
    }
}
