//! Applying what is missing, with an error that a person can act on.

use common_db::{failed_statement, migration_name};
use sqlx::PgPool;
use sqlx::migrate::{Migrate as _, Migration, Migrator};

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Names of the migrations that were applied now, oldest first.
    pub applied: Vec<String>,
    /// How many are applied in all.
    pub total: usize,
}

/// A migration that could not be applied; those before it stay applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A statement of one migration failed; its transaction was rolled back.
    #[error("migration {migration} failed: {source}")]
    Statement {
        /// Number and name of the migration.
        migration: String,
        /// The statement at which the server stopped, shortened.
        statement: Option<String>,
        /// The server's error.
        source: sqlx::migrate::MigrateError,
    },

    /// The list of applied migrations could not be read or locked.
    #[error("cannot prepare the migrations: {0}")]
    Prepare(#[source] sqlx::migrate::MigrateError),

    /// The database has a migration that this version does not know.
    #[error(
        "the database has migration {0}, which this version does not know; use the version that applied it or a newer one"
    )]
    FromTheFuture(i64),

    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(#[from] sqlx::Error),
}

/// Applies every migration of `migrator` that is missing, one transaction each, under one advisory
/// lock.
///
/// # Errors
/// The first migration that fails, with the statement where the server names a position.
pub async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<Report, MigrateError> {
    let mut connection = pool.acquire().await?;
    let prepare = MigrateError::Prepare;
    connection.lock().await.map_err(prepare)?;
    let outcome = apply(&mut connection, migrator).await;
    let unlocked = connection.unlock().await.map_err(prepare);
    let report = outcome?;
    unlocked?;
    Ok(report)
}

async fn apply(
    connection: &mut sqlx::PgConnection,
    migrator: &Migrator,
) -> Result<Report, MigrateError> {
    let table = migrator.table_name.as_ref();
    let prepare = MigrateError::Prepare;
    connection
        .ensure_migrations_table(table)
        .await
        .map_err(prepare)?;
    let done = connection
        .list_applied_migrations(table)
        .await
        .map_err(prepare)?;
    let known: Vec<&Migration> = migrator
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
        .collect();
    if let Some(unknown) = done
        .iter()
        .find(|done| known.iter().all(|known| known.version != done.version))
    {
        return Err(MigrateError::FromTheFuture(unknown.version));
    }
    let mut applied = Vec::new();
    for migration in &known {
        if done.iter().any(|done| done.version == migration.version) {
            continue;
        }
        let name = migration_name(migration);
        connection
            .apply(table, migration)
            .await
            .map_err(|source| MigrateError::Statement {
                migration: name.clone(),
                statement: failed_statement(migration, &source),
                source,
            })?;
        tracing::info!(migration = name, "migration applied");
        applied.push(name);
    }
    Ok(Report {
        applied,
        total: known.len(),
    })
}
