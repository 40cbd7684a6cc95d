//! What a platform has on the three servers, seen by their administrators.

use crate::{
    backends,
    cluster::{Backend, Backends},
};
use anyhow::{Context as _, Result};
use rdkafka::{
    config::FromClientConfig as _,
    consumer::{BaseConsumer, Consumer as _},
};
use std::{collections::BTreeSet, time::Duration};

/// Everything on the servers whose name contains `part`, in SQL names with `_` for `-`: `database x`, `role x`,
/// `user x`, `topic x`.
///
/// # Errors
/// When a server does not answer.
pub async fn named(servers: &Backends, part: &str) -> Result<BTreeSet<String>> {
    let mut found = postgres(&servers.postgres).await?;
    found.extend(redis(&servers.redis).await?);
    found.extend(topics(&servers.kafka)?);
    found.retain(|name| name.replace('_', "-").contains(part));
    Ok(found)
}

async fn postgres(backend: &Backend) -> Result<BTreeSet<String>> {
    let mut connection = backends::postgres_admin(backend, "postgres").await?;
    let names: Vec<String> = sqlx::query_scalar(
        "select 'database ' || datname from pg_database union all select 'role ' || rolname from pg_roles",
    )
    .fetch_all(&mut connection)
    .await?;
    Ok(names.into_iter().collect())
}

async fn redis(backend: &Backend) -> Result<BTreeSet<String>> {
    let mut connection = backends::redis_admin(backend).await?;
    let names: Vec<String> = redis::cmd("ACL")
        .arg("USERS")
        .query_async(&mut connection)
        .await?;
    Ok(names
        .into_iter()
        .map(|name| format!("user {name}"))
        .collect())
}

fn topics(backend: &Backend) -> Result<BTreeSet<String>> {
    let config = backends::kafka(backend, &backend.admin, &backend.password)?;
    let consumer = BaseConsumer::from_config(&config)?;
    let metadata = consumer
        .fetch_metadata(None, Duration::from_secs(15))
        .context("ask Kafka for its topics")?;
    Ok(metadata
        .topics()
        .iter()
        .map(|topic| format!("topic {}", topic.name()))
        .collect())
}
