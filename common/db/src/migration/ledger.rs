//! Which migrations a database has, compared with those of this version.

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{MigrateError, Phase, name, ups};

/// An applied migration, as sqlx keeps it.
#[derive(Debug, sqlx::FromRow)]
struct Applied {
    version: i64,
    description: String,
    checksum: Vec<u8>,
}

/// Versions that are applied already, none where the list is not there yet. Only reads.
///
/// # Errors
/// `FromTheFuture` and `Changed` when this version does not suit the database; `Connect`.
pub(super) async fn applied(
    connection: &mut PgConnection,
    migrator: &Migrator,
) -> Result<Vec<i64>, MigrateError> {
    let table: &str = &migrator.table_name;
    let there: bool = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(table)
        .fetch_one(&mut *connection)
        .await?;
    if !there {
        return Ok(Vec::new());
    }
    // The name is a constant of the version.
    let sql = format!("select version, description, checksum from {table} where success");
    let list: Vec<Applied> = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await?;
    list.iter()
        .try_for_each(|applied| verify(applied, migrator))?;
    Ok(list.into_iter().map(|applied| applied.version).collect())
}

/// What an `expand` of a newer version added is no harm to this one; anything else that differs is.
fn verify(applied: &Applied, migrator: &Migrator) -> Result<(), MigrateError> {
    let name = || name(applied.version, &applied.description);
    match ups(migrator).find(|migration| migration.version == applied.version) {
        Some(migration) if migration.checksum == applied.checksum => Ok(()),
        Some(_) => Err(MigrateError::Changed(name())),
        None if Phase::of(&applied.description) == Phase::Expand => Ok(()),
        None => Err(MigrateError::FromTheFuture(name())),
    }
}
