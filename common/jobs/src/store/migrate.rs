//! The queue's own schema.

use graphile_worker::WorkerUtils;
use sqlx::PgPool;

use crate::error::JobError;

/// Name of the schema.
pub(crate) const SCHEMA: &str = "gw";

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
