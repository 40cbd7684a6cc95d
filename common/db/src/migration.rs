//! Applying migrations, with an error that a person can act on.

use sqlx::PgPool;
use sqlx::migrate::{Migrate as _, MigrateError as Failure, Migration, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgDatabaseError, PgErrorPosition, Postgres};

/// Characters of a statement that fit a condition's message.
const LONGEST: usize = 300;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Names of the migrations that were applied now, oldest first.
    pub applied: Vec<String>,
    /// How many are applied in all.
    pub total: usize,
}

/// The migrations were not applied; those before the failing one stay applied.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A statement of one migration failed; its transaction was rolled back.
    #[error("migration {migration} failed")]
    Statement {
        /// Number and name of the migration, such as `0003_expand_tasks`.
        migration: String,
        /// The statement at which the server stopped, shortened, if it named one.
        statement: Option<String>,
        /// The server's error.
        source: Failure,
    },

    /// The database has a migration that this version does not know.
    #[error(
        "the database has migration {0}, which this version does not know; use the version that applied it or a newer one"
    )]
    FromTheFuture(i64),

    /// A migration is not the one that was applied under its number.
    #[error(
        "migration {0} is not the one that was applied to the database; a migration is never edited, add a new one"
    )]
    Changed(String),

    /// The list of applied migrations could not be read or locked.
    #[error("cannot prepare the migrations")]
    Prepare(#[source] Failure),

    /// No connection.
    #[error("cannot connect")]
    Connect(#[from] sqlx::Error),
}

/// Applies every migration of `migrator` that is missing, one transaction each, under one advisory lock.
///
/// # Errors
/// The first migration that fails, with the statement where the server names a position.
pub async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<Report, MigrateError> {
    let mut connection = pool.acquire().await?;
    let outcome = apply(&mut connection, migrator).await;
    if outcome.is_err() {
        // The lock is the session's: it must not go back to the pool.
        connection.close().await?;
    }
    outcome
}

async fn apply(
    connection: &mut PoolConnection<Postgres>,
    migrator: &Migrator,
) -> Result<Report, MigrateError> {
    let prepare = MigrateError::Prepare;
    // `run` takes it too; the server counts.
    connection.lock().await.map_err(prepare)?;
    let before = applied(connection, migrator).await.map_err(prepare)?;
    migrator
        .run(&mut **connection)
        .await
        .map_err(|failure| explain(failure, migrator))?;
    connection.unlock().await.map_err(prepare)?;
    let applied = ups(migrator)
        .filter(|migration| !before.contains(&migration.version))
        .map(name)
        .collect();
    Ok(Report {
        applied,
        total: ups(migrator).count(),
    })
}

/// Versions that are applied already.
async fn applied(
    connection: &mut PoolConnection<Postgres>,
    migrator: &Migrator,
) -> Result<Vec<i64>, Failure> {
    for schema in migrator.create_schemas.iter() {
        connection.create_schema_if_not_exists(schema).await?;
    }
    connection
        .ensure_migrations_table(&migrator.table_name)
        .await?;
    let list = connection
        .list_applied_migrations(&migrator.table_name)
        .await?;
    Ok(list.into_iter().map(|applied| applied.version).collect())
}

fn ups(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
}

fn name(migration: &Migration) -> String {
    let name = migration.description.replace(' ', "_");
    format!("{:04}_{name}", migration.version)
}

fn explain(failure: Failure, migrator: &Migrator) -> MigrateError {
    let known = |version| ups(migrator).find(|migration| migration.version == version);
    match failure {
        Failure::VersionMissing(version) => MigrateError::FromTheFuture(version),
        Failure::VersionMismatch(version) => {
            MigrateError::Changed(known(version).map_or_else(|| version.to_string(), name))
        }
        Failure::ExecuteMigration(_, version) => match known(version) {
            Some(migration) => MigrateError::Statement {
                migration: name(migration),
                statement: statement(migration, &failure),
                source: failure,
            },
            None => MigrateError::Prepare(failure),
        },
        other => MigrateError::Prepare(other),
    }
}

/// The statement around the position that the server reports, shortened; `None` where it reports none.
fn statement(migration: &Migration, failure: &Failure) -> Option<String> {
    let Failure::ExecuteMigration(source, _) = failure else {
        return None;
    };
    let database = source
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()?;
    let sql = migration.sql.as_str();
    let at = match database.position()? {
        PgErrorPosition::Original(at) => sql.char_indices().nth(at.saturating_sub(1))?.0,
        PgErrorPosition::Internal { .. } => return None,
    };
    let start = sql[..at].rfind(';').map_or(0, |semicolon| semicolon + 1);
    let end = sql[at..]
        .find(';')
        .map_or(sql.len(), |semicolon| at + semicolon);
    Some(sql[start..end].trim().chars().take(LONGEST).collect())
}
