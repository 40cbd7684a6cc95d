//! Indexes that are built concurrently, and what is left of one whose builder died: an index that costs each write and
//! serves no query, and that `if not exists` takes for the wanted one.

use sqlx::migrate::Migration;
use sqlx::{AssertSqlSafe, PgConnection};

/// Invalid indexes of tables that are ours, quoted as the server wants them, and by their bare name.
const INVALID: &str = "select format('%I.%I', n.nspname, i.relname), i.relname::text
    from pg_index x
    join pg_class i on i.oid = x.indexrelid
    join pg_class t on t.oid = x.indrelid
    join pg_namespace n on n.oid = i.relnamespace
    where not x.indisvalid and i.relkind = 'i' and pg_has_role(t.relowner, 'usage')
      and n.nspname not in ('pg_catalog', 'pg_toast')
    order by 1";

/// The invalid indexes that this migration names: an administrator may be building others.
pub(super) async fn invalid(
    connection: &mut PgConnection,
    migration: &Migration,
) -> Result<Vec<String>, sqlx::Error> {
    let found: Vec<(String, String)> = sqlx::query_as(INVALID).fetch_all(connection).await?;
    let named = |name: &str| {
        migration
            .sql
            .as_str()
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|word| word == name)
    };
    Ok(found
        .into_iter()
        .filter_map(|(quoted, bare)| named(&bare).then_some(quoted))
        .collect())
}

/// Drops them, so that the migration builds them anew.
pub(super) async fn drop_invalid(
    connection: &mut PgConnection,
    migration: &Migration,
) -> Result<(), sqlx::Error> {
    for index in invalid(connection, migration).await? {
        tracing::warn!(%index, "an earlier try left it invalid; it is built anew");
        // Quoted by the server itself.
        let sql = format!("drop index concurrently if exists {index}");
        sqlx::query(AssertSqlSafe(sql))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
