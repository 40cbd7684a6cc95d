//! Clients of the three servers, with whatever login a test wants to try.
//!
//! Secrets name the servers by their names inside pods; a test runs in the node's network, so it keeps the port and
//! login of an address and puts the server's own host in its place. Certificates are verified in both cases.

use crate::cluster::{Backend, Backends};
use anyhow::{Context as _, Result};
use rdkafka::{
    ClientConfig,
    consumer::{Consumer as _, StreamConsumer},
};
use redis::{Client, TlsCertificates, aio::MultiplexedConnection};
use sqlx::{
    ConnectOptions as _, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{collections::BTreeMap, str::FromStr as _, time::Duration};
use tokio::time::timeout;

/// How long a server may take to accept or refuse a login.
const LIMIT: Duration = Duration::from_secs(10);

/// Which of the two PostgreSQL servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The one that writes.
    Primary,
    /// The one that follows.
    Replica,
}

/// The address of a Secret (`url`) as options for one of the two servers.
///
/// # Errors
/// When the address does not parse.
pub fn postgres_options(backend: &Backend, url: &str, server: Server) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url).context("the Secret's url")?;
    let port = match server {
        Server::Primary => backend.port,
        Server::Replica => backend.replica_port.context("there is a replica")?,
    };
    Ok(options
        .host(&backend.host)
        .port(port)
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert_from_pem(backend.ca_pem()?.into_bytes()))
}

/// Logs in as the administrator.
///
/// # Errors
/// When the server refuses.
pub async fn postgres_admin(backend: &Backend, database: &str) -> Result<PgConnection> {
    let options = PgConnectOptions::new_without_pgpass()
        .username(&backend.admin)
        .password(&backend.password)
        .database(database)
        .host(&backend.host)
        .port(backend.port)
        .ssl_mode(PgSslMode::VerifyFull)
        .ssl_root_cert_from_pem(backend.ca_pem()?.into_bytes());
    postgres(&options).await
}

/// Logs in.
///
/// # Errors
/// When the server refuses or does not answer.
pub async fn postgres(options: &PgConnectOptions) -> Result<PgConnection> {
    Ok(timeout(LIMIT, options.connect())
        .await
        .context("PostgreSQL does not answer")??)
}

/// Logs in to Redis with the address of a Secret.
///
/// # Errors
/// When the server refuses or does not answer.
pub async fn redis(backend: &Backend, url: &str) -> Result<MultiplexedConnection> {
    let (scheme, rest) = url.split_once("://").context("the Secret's url")?;
    let (login, _) = rest
        .rsplit_once('@')
        .context("the Secret's url has a login")?;
    connect_redis(
        backend,
        &format!("{scheme}://{login}@{}:{}", backend.host, backend.port),
    )
    .await
}

/// Logs in to Redis as the administrator.
///
/// # Errors
/// When the server refuses or does not answer.
pub async fn redis_admin(backend: &Backend) -> Result<MultiplexedConnection> {
    let Backend {
        host,
        port,
        admin,
        password,
        ..
    } = backend;
    connect_redis(
        backend,
        &format!("rediss://{admin}:{password}@{host}:{port}"),
    )
    .await
}

async fn connect_redis(backend: &Backend, url: &str) -> Result<MultiplexedConnection> {
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(backend.ca_pem()?.into_bytes()),
    };
    let client = Client::build_with_tls(url, certificates)?;
    Ok(timeout(LIMIT, client.get_multiplexed_async_connection())
        .await
        .context("Redis does not answer")??)
}

/// Kafka's settings for a login.
///
/// # Errors
/// When the certificate cannot be read.
pub fn kafka(backend: &Backend, username: &str, password: &str) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config
        .set(
            "bootstrap.servers",
            format!("{}:{}", backend.host, backend.port),
        )
        .set("security.protocol", "SASL_SSL")
        .set("sasl.mechanism", "SCRAM-SHA-512")
        .set("sasl.username", username)
        .set("sasl.password", password)
        .set("ssl.ca.pem", backend.ca_pem()?)
        .set("socket.timeout.ms", "10000")
        .set("message.timeout.ms", "10000");
    Ok(config)
}

/// Kafka's settings for the login of a Secret.
///
/// # Errors
/// When a key is missing.
pub fn kafka_login(backend: &Backend, secret: &BTreeMap<String, String>) -> Result<ClientConfig> {
    let key = |name: &str| {
        secret
            .get(name)
            .with_context(|| format!("the Secret has {name}"))
    };
    kafka(backend, key("username")?, key("password")?)
}

/// A consumer that reads everything of one topic, from its beginning, without a group's offsets.
///
/// # Errors
/// When the broker refuses.
pub fn reader(backends: &Backends, topic: &str) -> Result<StreamConsumer> {
    let kafka_backend = &backends.kafka;
    let mut config = kafka(kafka_backend, &kafka_backend.admin, &kafka_backend.password)?;
    let consumer: StreamConsumer = config
        .set("group.id", "e2e-reader")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), LIMIT)?;
    let mut assignment = rdkafka::TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(rdkafka::metadata::MetadataTopic::partitions)
    {
        assignment.add_partition_offset(topic, partition.id(), rdkafka::Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    Ok(consumer)
}
