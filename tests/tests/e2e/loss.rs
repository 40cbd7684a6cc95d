//! A database that is gone is told, and left empty for whoever has its backup: only a person begins anew.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, postgres::PgConnectOptions};
use std::time::Duration;
use tests::{
    backends::{self, Server},
    cluster::{Backend, Cluster},
    platform::Platform,
    wait::wait_for,
};

/// How long a first installation may take on the test machine.
const READY: Duration = Duration::from_mins(2);
/// A pass a minute, when nothing wakes the operator, and the next one.
const NOTICED: Duration = Duration::from_secs(90);

/// Drops a database with its sessions.
async fn drop_database(primary: &Backend, database: &str) -> Result<()> {
    let mut admin = backends::postgres_admin(primary, "postgres").await?;
    let sql = format!("drop database \"{database}\" with (force)");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut admin)
        .await?;
    Ok(())
}

/// Tables of a database, beside the server's own.
async fn tables(connection: &mut PgConnection) -> Result<i64> {
    let count = "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')";
    Ok(sqlx::query_scalar(count).fetch_one(connection).await?)
}

/// The database of a client, and a way into it for the administrator.
async fn database_of(platform: &Platform, cluster: &Cluster, client: &str) -> Result<String> {
    let secret = cluster
        .secret(&platform.namespace, &platform.secret(client))
        .await?;
    let url = secret.get("url").context("an address")?;
    let primary = &cluster.status.backends.postgres;
    let options: PgConnectOptions = backends::postgres_options(primary, url, Server::Primary)?;
    let database = options.get_database().context("a database")?;
    Ok(database.to_owned())
}

#[tokio::test]
async fn e2e_a_lost_database_is_told_and_only_a_person_begins_anew() -> Result<()> {
    let cluster = Cluster::connect().await?;
    let platform = Platform::prepare(&cluster, "lost").await?;
    let mut spec = platform.spec().await?;
    platform.apply(&spec).await?;
    platform.ready(READY).await?;
    let primary = &cluster.status.backends.postgres;

    for (retry, client) in [(1, "db-analytics-owner"), (2, "db-app")] {
        let database = database_of(&platform, &cluster, client).await?;
        let mut connection = backends::postgres_admin(primary, &database).await?;
        ensure!(tables(&mut connection).await? > 0, "{database} is empty");
        drop(connection);
        drop_database(primary, &database).await?;
        let remedy = format!("spec.migration.retry to {retry}");
        let told = platform.told("Migrated", &remedy, NOTICED).await?;
        ensure!(
            told.reason == "DatabaseLost" && told.message.contains(&database),
            "{told:?}"
        );
        // It was made again for the backup, and nobody has put anything in its way.
        let mut connection = backends::postgres_admin(primary, &database).await?;
        ensure!(tables(&mut connection).await? == 0, "it was migrated");
        let reason = [
            "get",
            "events",
            "--field-selector=reason=DatabaseLost,type=Warning",
        ];
        let mut arguments = vec!["-n", &platform.namespace];
        arguments.extend(reason);
        let events = cluster.kubectl(&arguments)?;
        ensure!(events.contains("DatabaseLost"), "{events}");
        drop(connection);

        spec["migration"]["retry"] = json!(retry);
        platform.apply(&spec).await?;
        wait_for("the platform begins anew", READY, async || {
            let conditions = platform.conditions().await?;
            let told = conditions.get("Migrated").context("Migrated")?;
            ensure!(told.status == "True", "{told:?}");
            Ok(())
        })
        .await?;
        platform.ready(READY).await?;
        let mut connection = backends::postgres_admin(primary, &database).await?;
        ensure!(tables(&mut connection).await? > 0, "it was not migrated");
    }
    platform.delete(Duration::from_mins(1)).await?;
    cluster.delete_namespace(&platform.namespace).await
}
