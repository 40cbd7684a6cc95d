//! Applying them, one after the other, beside requests that must not notice.

use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError as Failure, Migration, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use super::{MigrateError, Phase, index, ledger, lock, name, ups};

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Names of the migrations that were applied now, in their order.
    pub applied: Vec<String>,
    /// How many this version knows in all.
    pub total: usize,
}

/// How long what is in the way is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Longest wait for a lock on a table. Whoever asks for the table meanwhile waits behind it.
    pub(super) lock: Duration,
    /// Tries of a migration that got no lock.
    pub(super) tries: u32,
    /// Between two tries; also between two looks whether another migration has ended.
    pub(super) pause: Duration,
}

impl Patience {
    const USUAL: Self = Self {
        lock: Duration::from_secs(3),
        tries: 20,
        pause: Duration::from_secs(1),
    };
}

/// Applies what is missing of these phases: every `expand`, then every `contract`, each one in a transaction of its own
/// unless it says `-- no-transaction`, under one advisory lock.
///
/// A statement waits for a lock for seconds only and then tries again, so that requests do not queue up behind it. An
/// index that a killed run left invalid is built anew.
///
/// # Errors
/// The first migration that fails, with the statement where the server names a position.
pub async fn migrate(
    pool: &PgPool,
    migrator: &Migrator,
    phases: &[Phase],
) -> Result<Report, MigrateError> {
    migrate_with(pool, migrator, phases, Patience::USUAL).await
}

pub(super) async fn migrate_with(
    pool: &PgPool,
    migrator: &Migrator,
    phases: &[Phase],
    patience: Patience,
) -> Result<Report, MigrateError> {
    let mut connection = pool.acquire().await?;
    let outcome = run(&mut connection, migrator, phases, patience).await;
    // The advisory lock and the settings are the session's: it must not go back to the pool.
    let closed = connection.close().await;
    let report = outcome?;
    closed?;
    Ok(report)
}

async fn run(
    connection: &mut PgConnection,
    migrator: &Migrator,
    phases: &[Phase],
    patience: Patience,
) -> Result<Report, MigrateError> {
    lock::hold(connection, patience.pause).await?;
    prepare(connection, migrator)
        .await
        .map_err(MigrateError::Prepare)?;
    let before = ledger::applied(connection, migrator).await?;
    let mut applied = Vec::new();
    for phase in Phase::ALL {
        let missing = ups(migrator)
            .filter(|migration| phases.contains(&phase) && phase.has(migration))
            .filter(|migration| !before.contains(&migration.version));
        for migration in missing {
            apply(connection, migrator, migration, patience).await?;
            applied.push(name(migration.version, &migration.description));
        }
    }
    Ok(Report {
        applied,
        total: ups(migrator).count(),
    })
}

async fn prepare(connection: &mut PgConnection, migrator: &Migrator) -> Result<(), Failure> {
    for schema in migrator.create_schemas.iter() {
        connection.create_schema_if_not_exists(schema).await?;
    }
    connection
        .ensure_migrations_table(&migrator.table_name)
        .await
}

async fn apply(
    connection: &mut PgConnection,
    migrator: &Migrator,
    migration: &Migration,
    patience: Patience,
) -> Result<(), MigrateError> {
    let name = name(migration.version, &migration.description);
    tracing::info!(migration = name, "applying");
    if migration.no_tx {
        // What is built concurrently waits for every older transaction, as long as these take; nobody waits for it.
        limit_lock_wait(connection, Duration::ZERO).await?;
        index::drop_invalid(connection, migration).await?;
        connection
            .apply(&migrator.table_name, migration)
            .await
            .map_err(|failure| MigrateError::of(failure, migrator))?;
        let invalid = index::invalid(connection, migration).await?;
        return match invalid.into_iter().next() {
            Some(index) => Err(MigrateError::InvalidIndex {
                migration: name,
                index,
            }),
            None => Ok(()),
        };
    }
    limit_lock_wait(connection, patience.lock).await?;
    let mut tries = 1;
    loop {
        match connection.apply(&migrator.table_name, migration).await {
            Ok(_) => return Ok(()),
            Err(failure) if got_no_lock(&failure) && tries < patience.tries => {
                tracing::warn!(migration = name, tries, "a table is in use; trying again");
                tries += 1;
                tokio::time::sleep(patience.pause).await;
            }
            Err(failure) => return Err(MigrateError::of(failure, migrator)),
        }
    }
}

/// Sets how long a statement waits for a lock; zero is for ever.
async fn limit_lock_wait(
    connection: &mut PgConnection,
    limit: Duration,
) -> Result<(), sqlx::Error> {
    let sql = format!("set lock_timeout = {}", limit.as_millis());
    sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

/// Whether a lock was not to be had in time (`lock_not_available`).
fn got_no_lock(failure: &Failure) -> bool {
    let (Failure::Execute(error) | Failure::ExecuteMigration(error, _)) = failure else {
        return false;
    };
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "55P03")
}
