//! What a platform has on the three servers, seen and dropped by their administrators.

use crate::{
    backends,
    cluster::{Backend, Backends},
};
use anyhow::{Context as _, Result};
use rdkafka::{
    admin::{AdminClient, AdminOptions},
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

/// Drops by hand what [`named`] found, as a person would who no longer wants it: the next run must find clean servers.
///
/// # Errors
/// When a server refuses.
pub async fn drop_all(servers: &Backends, left: &BTreeSet<String>) -> Result<()> {
    let mut postgres = backends::postgres_admin(&servers.postgres, "postgres").await?;
    let mut redis = backends::redis_admin(&servers.redis).await?;
    let kafka: AdminClient<_> = backends::kafka(
        &servers.kafka,
        &servers.kafka.admin,
        &servers.kafka.password,
    )?
    .create()?;
    // Databases before roles: a role that owns something cannot be dropped.
    for name in left {
        match name.split_once(' ') {
            Some(("database", database)) => {
                let owner: String = sqlx::query_scalar(
                    "select pg_get_userbyid(datdba)::text from pg_database where datname = $1",
                )
                .bind(database)
                .fetch_one(&mut postgres)
                .await?;
                // It may have been made by another administrator, and is dropped by its owner alone.
                for sql in [
                    format!("grant \"{owner}\" to current_user"),
                    format!("drop database \"{database}\" with (force)"),
                ] {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                        .execute(&mut postgres)
                        .await?;
                }
            }
            Some(("role", role)) => {
                let sql = format!("drop role \"{role}\"");
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                    .execute(&mut postgres)
                    .await?;
            }
            Some(("user", user)) => {
                redis::cmd("ACL")
                    .arg(&["DELUSER", user])
                    .query_async::<redis::Value>(&mut redis)
                    .await?;
            }
            Some(("topic", topic)) => {
                kafka.delete_topics(&[topic], &AdminOptions::new()).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
