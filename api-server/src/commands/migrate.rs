//! `crewdeck migrate`, the application's half: tables, the job queue, and the first administrator.

use api_server_schema::{MIGRATOR, MigrateError};
use api_server_users::create_first_admin;
use common_clock::{SharedClock, SharedIds};
use common_config::SecretRef;
use uuid::Uuid;

use super::Administrator;

/// Why the database is not as this version needs it.
#[derive(Debug, thiserror::Error)]
#[error("{error:#}")]
pub struct MigrationFailure {
    /// What went wrong.
    error: anyhow::Error,
    /// The migration that failed, if it was one.
    pub migration: Option<String>,
    /// The statement at which the server stopped, if it named one.
    pub statement: Option<String>,
}

impl MigrationFailure {
    fn other(error: impl Into<anyhow::Error>) -> Self {
        Self {
            error: error.into(),
            migration: None,
            statement: None,
        }
    }
}

impl From<MigrateError> for MigrationFailure {
    fn from(error: MigrateError) -> Self {
        let (migration, statement) = match &error {
            MigrateError::Statement {
                migration,
                statement,
                ..
            } => (Some(migration.clone()), statement.clone()),
            _ => (None, None),
        };
        Self {
            error: error.into(),
            migration,
            statement,
        }
    }
}

/// Brings the application's database to this version; makes the first administrator when there is none, and gives its id.
///
/// # Errors
/// What failed, with the migration and the statement where it was one. Everything before it stays applied.
pub async fn migrate(
    database: &SecretRef,
    administrator: Option<&Administrator>,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<Option<Uuid>, MigrationFailure> {
    let pool = super::pool(database)
        .await
        .map_err(MigrationFailure::other)?;
    let report = api_server_schema::migrate(&pool, &MIGRATOR).await?;
    tracing::info!(applied = ?report.applied, total = report.total, "the application's tables are as wanted");
    common_jobs::migrate(&pool)
        .await
        .map_err(MigrationFailure::other)?;
    let mut made = None;
    if let Some(administrator) = administrator {
        let admin = administrator.parse().map_err(MigrationFailure::other)?;
        made = create_first_admin(&pool, admin, clock, ids)
            .await
            .map_err(MigrationFailure::other)?;
        if let Some(id) = made {
            tracing::info!(%id, "the first administrator was made");
        } else {
            tracing::info!("there is an administrator already");
        }
    }
    pool.close().await;
    Ok(made)
}
