//! Two platforms whose names read the same, `a-b` of namespace `x` and `b` of namespace `x-a`, on the same three servers: no
//! login of one gets at anything of the other, and no name is shared.

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, StreamConsumer},
    error::RDKafkaErrorCode,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tests::{
    backends::{self, Server},
    cluster::{Cluster, new_name},
    external,
    platform::Platform,
};
use tokio::time::timeout;

/// Two first installations side by side on the test machine.
const READY: Duration = Duration::from_mins(4);
const GONE: Duration = Duration::from_mins(1);
/// Until a broker has refused what it refuses.
const REFUSED: Duration = Duration::from_secs(30);

const DATABASE_LOGINS: [&str; 4] = [
    "db-app",
    "db-migrator",
    "db-analytics-reader",
    "db-analytics-owner",
];

/// A Ready platform, and what it has outside.
struct Side<'a> {
    cluster: &'a Cluster,
    platform: Platform,
    /// What the names of its topics begin with.
    prefix: String,
    databases: [String; 2],
    /// Namespaces of its keys and channels on Redis.
    keys: [String; 2],
}

impl<'a> Side<'a> {
    async fn begin(cluster: &'a Cluster, namespace: &str, name: &str) -> Result<Platform> {
        cluster.make_namespace(namespace, "alike").await?;
        let platform = Platform::prepare_as(cluster, namespace, name).await?;
        let mut spec = platform.spec().await?;
        // Every login is made all the same.
        for role in ["beat", "realtime", "analyticsWorker"] {
            spec["roles"][role]["enabled"] = json!(false);
        }
        platform.apply(&spec).await?;
        Ok(platform)
    }

    async fn of(cluster: &'a Cluster, platform: Platform) -> Result<Self> {
        platform.ready(READY).await?;
        let prefix = platform.setting("worker", "topic_prefix").await?;
        let keys = [
            platform.setting("web", "namespace").await?,
            platform.setting("analytics", "namespace").await?,
        ];
        let mut side = Self {
            cluster,
            platform,
            prefix,
            databases: [String::new(), String::new()],
            keys,
        };
        side.databases = [
            side.own_database("db-app").await?,
            side.own_database("db-analytics-owner").await?,
        ];
        Ok(side)
    }

    async fn secret(&self, client: &str) -> Result<BTreeMap<String, String>> {
        let name = self.platform.secret(client);
        self.cluster.secret(&self.platform.namespace, &name).await
    }

    async fn url(&self, client: &str) -> Result<String> {
        let mut secret = self.secret(client).await?;
        secret.remove("url").context("the Secret has url")
    }

    async fn own_database(&self, client: &str) -> Result<String> {
        let postgres = &self.cluster.status.backends.postgres;
        let url = self.url(client).await?;
        let options = backends::postgres_options(postgres, &url, Server::Primary)?;
        let database = options.get_database().context("the url names a database")?;
        Ok(database.to_owned())
    }

    /// Everything on the servers that is called as this one.
    async fn named(&self) -> Result<BTreeSet<String>> {
        external::named(&self.cluster.status.backends, &self.prefix).await
    }

    /// Each login of this one to a database works at home and is refused at the other's, on every server that takes it.
    async fn keeps_off_databases_of(&self, other: &Side<'_>) -> Result<()> {
        let postgres = &self.cluster.status.backends.postgres;
        for client in DATABASE_LOGINS {
            let url = self.url(client).await?;
            let mut at_home = 0;
            for server in [Server::Primary, Server::Replica] {
                let own = backends::postgres_options(postgres, &url, server)?;
                // The reader is only let in by the replica.
                let lets_in = backends::postgres(&own).await.is_ok();
                at_home += usize::from(lets_in);
                for database in &other.databases {
                    let words = match backends::postgres(&own.clone().database(database)).await {
                        Ok(_) => bail!("{client} was let into {database} on the {server:?}"),
                        Err(error) => format!("{error:#}"),
                    };
                    ensure!(
                        !lets_in || words.contains("permission denied for database"),
                        "{client} was refused at {database} for another reason: {words}"
                    );
                }
            }
            ensure!(at_home > 0, "{client} works nowhere");
        }
        Ok(())
    }

    /// Each user of Redis has its own keys and channels, and none of the other's.
    async fn keeps_off_keys_of(&self, other: &Side<'_>) -> Result<()> {
        let backend = &self.cluster.status.backends.redis;
        for (client, own) in ["redis-app", "redis-analytics"].iter().zip(&self.keys) {
            let mut redis = backends::redis(backend, &self.url(client).await?).await?;
            let mut ask = async |words: &[&str]| {
                let mut command = redis::cmd(words[0]);
                command.arg(&words[1..]);
                command.query_async::<redis::Value>(&mut redis).await
            };
            let key = format!("{own}:alike");
            ask(&["SET", &key, "1", "EX", "60"]).await?;
            ask(&["DEL", &key]).await?;
            for foreign in &other.keys {
                let key = format!("{foreign}:alike");
                for words in [
                    &["GET", &key] as &[&str],
                    &["SET", &key, "1"],
                    &["DEL", &key],
                    &["XADD", &key, "*", "a", "b"],
                    &["XREAD", "STREAMS", &key, "0"],
                    &["PUBLISH", &key, "1"],
                ] {
                    let refusal = ask(words).await.err();
                    let code = refusal.as_ref().and_then(redis::RedisError::code);
                    ensure!(
                        code == Some("NOPERM"),
                        "{client}: {words:?} was not refused: {refusal:?}"
                    );
                }
            }
        }
        Ok(())
    }

    /// Each user of Kafka sees its own topics, and none of the other's; nor may it join the other's groups.
    async fn keeps_off_topics_of(&self, other: &Side<'_>) -> Result<()> {
        let backend = &self.cluster.status.backends.kafka;
        let topics: Vec<String> = other
            .named()
            .await?
            .iter()
            .filter_map(|name| Some(name.strip_prefix("topic ")?.to_owned()))
            .collect();
        ensure!(topics.len() == 8, "{topics:?}");
        let home = format!("{}.task-events", self.prefix);
        for client in ["kafka-app", "kafka-analytics"] {
            let mut config = backends::kafka_login(backend, &self.secret(client).await?)?;
            let consumer: BaseConsumer = config.create()?;
            let seen = |topic: &str| -> Result<Option<RDKafkaErrorCode>> {
                let metadata = consumer.fetch_metadata(Some(topic), REFUSED)?;
                let topic = metadata.topics().first().context("a topic")?;
                Ok(topic.error().map(RDKafkaErrorCode::from))
            };
            ensure!(seen(&home)?.is_none(), "{client} does not see {home}");
            // Who may not see a topic may not read or write it either: both rights include this one.
            for topic in &topics {
                let refusal = seen(topic)?;
                ensure!(
                    refusal == Some(RDKafkaErrorCode::TopicAuthorizationFailed),
                    "{client} at {topic}: {refusal:?}"
                );
            }
            for group in ["notifications", "analytics", "tasks"] {
                let group = format!("{}.{group}", other.prefix);
                config
                    .set("group.id", &group)
                    .set("enable.auto.commit", "false");
                let member: StreamConsumer = config.create()?;
                member.subscribe(&[&home])?;
                let refusal = async {
                    loop {
                        if let Err(error) = member.recv().await {
                            let code = error.rdkafka_error_code();
                            if code == Some(RDKafkaErrorCode::GroupAuthorizationFailed) {
                                return;
                            }
                        }
                    }
                };
                timeout(REFUSED, refusal)
                    .await
                    .with_context(|| format!("{client} was not refused at group {group}"))?;
            }
        }
        Ok(())
    }

    async fn remove(self) -> Result<()> {
        self.platform.delete(GONE).await?;
        let left = self.named().await?;
        ensure!(left.is_empty(), "left on the servers: {left:?}");
        self.cluster
            .delete_namespace(&self.platform.namespace)
            .await
    }
}

#[tokio::test]
async fn e2e_platforms_that_read_the_same_do_not_meet() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let base = new_name("alike");
    let (left, right) = (
        Side::begin(&cluster, &base, "a-b").await?,
        Side::begin(&cluster, &format!("{base}-a"), "b").await?,
    );
    let left = Side::of(&cluster, left).await?;
    let right = Side::of(&cluster, right).await?;
    // All but the hash at the end is the same.
    let readable = |side: &Side<'_>| {
        let prefix = side.prefix.rsplit_once('-');
        prefix.map(|(readable, _)| readable.to_owned())
    };
    ensure!(
        readable(&left) == readable(&right) && left.prefix != right.prefix,
        "{} and {}",
        left.prefix,
        right.prefix
    );
    let (of_left, of_right) = (left.named().await?, right.named().await?);
    ensure!(!of_left.is_empty() && !of_right.is_empty());
    let shared: Vec<_> = of_left.intersection(&of_right).collect();
    ensure!(shared.is_empty(), "both have {shared:?}");
    for (one, other) in [(&left, &right), (&right, &left)] {
        one.keeps_off_databases_of(other).await?;
        one.keeps_off_keys_of(other).await?;
        one.keeps_off_topics_of(other).await?;
        println!(
            "{} of {}: 4 logins at 2 databases, 2 users at 2 namespaces of keys, 2 users at 8 topics and 3 groups, all refused",
            one.platform.name, one.platform.namespace
        );
    }
    // Of one that goes, nothing of the other goes along.
    left.remove().await?;
    ensure!(
        right.named().await? == of_right,
        "the other has lost something"
    );
    right.platform.ready(READY).await?;
    right.remove().await
}
