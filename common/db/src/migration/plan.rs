//! What a version would do to a database. Only reads.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::migrate::Migrator;

use super::{MigrateError, Phase, ledger, name, ups};

/// Bytes of a checksum that tell two migrations apart.
const CHECKSUM: usize = 6;

/// A migration that is not applied yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Number and name, such as `0003_expand_tasks`.
    pub name: String,
    /// When it is applied.
    pub phase: Phase,
    /// Start of the checksum of its text, in hexadecimal digits.
    pub checksum: String,
}

impl Pending {
    /// A migration whose text has this checksum.
    #[must_use]
    pub fn new(name: String, phase: Phase, checksum: &[u8]) -> Self {
        let checksum = digits(checksum);
        Self {
            name,
            phase,
            checksum,
        }
    }
}

/// What [`migrate`](super::migrate) would apply now, in its order.
///
/// # Errors
/// When this version does not suit the database, or it cannot be read.
pub async fn plan(pool: &PgPool, migrator: &Migrator) -> Result<Vec<Pending>, MigrateError> {
    let mut connection = pool.acquire().await?;
    let applied = ledger::applied(&mut connection, migrator).await?;
    let of = |phase: Phase| {
        let applied = &applied;
        ups(migrator)
            .filter(move |migration| phase.has(migration) && !applied.contains(&migration.version))
            .map(move |migration| {
                let name = name(migration.version, &migration.description);
                Pending::new(name, phase, &migration.checksum)
            })
    };
    Ok(Phase::ALL.into_iter().flat_map(of).collect())
}

fn digits(checksum: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * CHECKSUM);
    for byte in checksum.iter().take(CHECKSUM) {
        // Writing to a String does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
