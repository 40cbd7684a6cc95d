//! The queue's own schema. Its migrations are the library's.

use graphile_worker::WorkerUtils;
use graphile_worker_migrations::sql::GRAPHILE_WORKER_MIGRATIONS;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use crate::error::JobError;

/// Name of the schema.
pub(crate) const SCHEMA: &str = "gw";

/// A queue that lacks migrations of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// Number of the last of them.
    pub version: u32,
    /// SHA-256 of the statements up to that, whichever of them are applied already: a migration that was cut off between two is
    /// the same one when it goes on.
    pub checksum: [u8; 32],
}

/// What [`migrate`] would bring now; `None` when the queue is as wanted. Only reads.
///
/// # Errors
/// Those of the database.
pub async fn plan(pool: &PgPool) -> Result<Option<Outdated>, sqlx::Error> {
    let there: bool = sqlx::query_scalar("select to_regclass('gw.migrations') is not null")
        .fetch_one(pool)
        .await?;
    let applied: i32 = if there {
        sqlx::query_scalar("select coalesce(max(id), 0) from gw.migrations")
            .fetch_one(pool)
            .await?
    } else {
        0
    };
    let newest = newest();
    let is_outdated = u32::try_from(applied).unwrap_or_default() < newest.version;
    Ok(is_outdated.then_some(newest))
}

/// The schema that the library works with.
fn newest() -> Outdated {
    let mut checksum = Sha256::new();
    let mut version = 0;
    for migration in GRAPHILE_WORKER_MIGRATIONS {
        version = version.max(migration.migration_number());
        for statement in migration.stmts {
            checksum.update(statement.as_bytes());
            // Keeps two neighbours apart.
            checksum.update([0]);
        }
    }
    Outdated {
        version,
        checksum: checksum.finalize().into(),
    }
}

/// Creates or migrates schema `gw`. Role `migrate` calls it with a login that may; afterwards a worker's login finds
/// nothing to do.
///
/// # Errors
/// `JobError::Migrate`.
pub async fn migrate(pool: &PgPool) -> Result<(), JobError> {
    WorkerUtils::new(pool.clone(), SCHEMA)
        .migrate()
        .await
        .map_err(|source| JobError::Migrate(Box::new(source)))
}
