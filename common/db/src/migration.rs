//! What a migration tells of itself, and of its failure.

use sqlx::migrate::{MigrateError, Migration};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

/// Characters of a statement that fit a condition's message.
const LONGEST: usize = 300;

/// Number and name, such as `0003_expand_tasks`.
#[must_use]
pub fn migration_name(migration: &Migration) -> String {
    let name = migration.description.replace(' ', "_");
    format!("{:04}_{name}", migration.version)
}

/// The statement around the position that the server reports, shortened; `None` where it reports none.
#[must_use]
pub fn failed_statement(migration: &Migration, error: &MigrateError) -> Option<String> {
    let (MigrateError::ExecuteMigration(source, _) | MigrateError::Execute(source)) = error else {
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
