//! `crewdeck migrate`, the application's half: tables, the job queue, and the first administrator.

use api_server_schema::{MIGRATOR, MigrateError};
use api_server_users::{Email, FirstAdmin, Name, Password, create_first_admin};
use common_clock::{SharedClock, SharedIds};
use common_config::SecretRef;
use common_db::PoolOptions;
use secrecy::ExposeSecret as _;

/// Login of the first administrator.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// Address to sign in with.
    pub email: SecretRef,
    /// Password.
    pub password: SecretRef,
}

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

/// Brings the application's database to this version; makes the first administrator when there is none.
///
/// # Errors
/// What failed, with the migration and the statement where it was one. Everything before it stays applied.
pub async fn migrate(
    database: &SecretRef,
    administrator: Option<&Administrator>,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<(), MigrationFailure> {
    let options = PoolOptions {
        application_name: "crewdeck migrate".to_owned(),
        max_connections: 2,
        read_only: false,
        statement_timeout_ms: None,
    };
    let pool = common_db::pool(database, &options)
        .await
        .map_err(MigrationFailure::other)?;
    let report = api_server_schema::migrate(&pool, &MIGRATOR).await?;
    tracing::info!(applied = ?report.applied, total = report.total, "the application's tables are as wanted");
    common_jobs::migrate(&pool)
        .await
        .map_err(MigrationFailure::other)?;
    if let Some(administrator) = administrator {
        let admin = first_admin(administrator).map_err(MigrationFailure::other)?;
        let created = create_first_admin(&pool, admin, clock, ids)
            .await
            .map_err(MigrationFailure::other)?;
        if let Some(id) = created {
            tracing::info!(%id, "the first administrator was made");
        } else {
            tracing::info!("there is an administrator already");
        }
    }
    pool.close().await;
    Ok(())
}

fn first_admin(administrator: &Administrator) -> anyhow::Result<FirstAdmin> {
    let email = administrator.email.read()?;
    let password = administrator.password.read()?;
    Ok(FirstAdmin {
        email: Email::parse(email.expose_secret())?,
        name: Name::parse("Administrator")?,
        password: Password::parse(password)?,
    })
}
