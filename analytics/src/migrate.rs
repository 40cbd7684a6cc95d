//! The tables of analytics' own database, in schema `analytics` like the list of what is applied.

use std::sync::LazyLock;

use common_config::SecretRef;
use common_db::{Pending, Phase, PoolOptions, Report};
use sqlx::{PgPool, migrate::Migrator};

/// Schema of everything that analytics owns.
const SCHEMA: &str = "analytics";
/// Where sqlx keeps its list; the application's has another place, so that one database may hold both.
const TABLE: &str = "analytics._sqlx_migrations";

/// All migrations of analytics, in order.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("./migrations");
    migrator.create_schema(SCHEMA);
    migrator.dangerous_set_table_name(TABLE);
    migrator
});

/// The tables of analytics are not as this version needs them.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error("the database of analytics")]
    Connect(#[from] common_db::DbError),
    /// A migration failed, or the database does not fit this version.
    #[error("the tables of analytics")]
    Apply(#[from] common_db::MigrateError),
}

/// What is missing in the database at `url`. Only reads.
///
/// # Errors
/// When the server does not accept the login, or the database does not suit this version.
pub async fn plan(url: &SecretRef) -> Result<Vec<Pending>, MigrateError> {
    let pool = pool(url).await?;
    let pending = common_db::plan(&pool, &MIGRATOR).await;
    pool.close().await;
    Ok(pending?)
}

/// Applies what is missing in the database at `url`, as far as `phases` go.
///
/// # Errors
/// When the server does not accept the login, or a migration fails.
pub async fn migrate(url: &SecretRef, phases: &[Phase]) -> Result<Report, MigrateError> {
    let pool = pool(url).await?;
    let outcome = common_db::migrate(&pool, &MIGRATOR, phases).await;
    pool.close().await;
    Ok(outcome?)
}

async fn pool(url: &SecretRef) -> Result<PgPool, MigrateError> {
    let options = PoolOptions {
        max_connections: 1,
        ..PoolOptions::command("crewdeck migrate")
    };
    Ok(common_db::pool(url, &options).await?)
}
