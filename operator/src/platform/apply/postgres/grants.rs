//! Rights on what a migration made, beyond the default privileges.

use sqlx::PgConnection;

use super::{
    names::Names,
    server::{Address, admin, close, failed, ident, primary, run},
};
use crate::platform::{StepError, validate::PostgresServer};

/// Views that the readers of analytics cannot read yet.
const UNREADABLE: &str = r"
    select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('v', 'm') and c.relname like 'analytics\_%'
        and not has_table_privilege($1, c.oid, 'select')
    order by 1, 2";

/// Relations that the readers of analytics may use and should not, whoever gave them that.
const SURPLUS: &str = r"
    select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and not (n.nspname = 'public' and c.relkind in ('v', 'm') and c.relname like 'analytics\_%')
        and (has_any_column_privilege($1, c.oid, 'select, insert, update')
            or has_table_privilege($1, c.oid, 'delete, truncate'))
    order by 1, 2";

/// Tables whose rows are hidden from the application: the queue's have row level security and no policy, which shuts
/// out everybody but their owner. A policy of the migration, which is for everybody, stands alone: another one beside it
/// would widen it.
const HIDDEN: &str = "
    select n.nspname::text, c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relrowsecurity
        and not exists (select from pg_policy p left join pg_roles r on r.oid = any(p.polroles)
                        where p.polrelid = c.oid and (r.rolname = $1 or 0 = any(p.polroles)))
    order by 1, 2";

/// Grants what is missing. Changes nothing if nothing is.
pub(super) async fn ensure(server: &PostgresServer, names: &Names) -> Result<(), StepError> {
    let at = primary(server);
    let mut connection = admin(server, at, &names.database).await?;
    let views = find(&mut connection, at, UNREADABLE, &names.reader).await?;
    let surplus = find(&mut connection, at, SURPLUS, &names.reader).await?;
    let tables = find(&mut connection, at, HIDDEN, &names.app).await?;
    let reader = ident(&names.reader);
    let app = ident(&names.app);
    let views = views
        .iter()
        .map(|view| format!("grant select on {view} to {reader}"));
    let tables = tables.iter().map(|table| {
        format!("create policy crewdeck_app on {table} to {app} using (true) with check (true)")
    });
    let surplus = surplus
        .iter()
        .map(|relation| format!("revoke all on {relation} from {reader}, public"));
    let sql: Vec<String> = views.chain(surplus).chain(tables).collect();
    if !sql.is_empty() {
        let object = "rights on what the migration made";
        run(&mut connection, at, "granting", object, sql.join("; ")).await?;
    }
    close(connection).await;
    Ok(())
}

/// The relations that a query finds for a role, as identifiers.
async fn find(
    connection: &mut PgConnection,
    at: Address<'_>,
    query: &'static str,
    role: &str,
) -> Result<Vec<String>, StepError> {
    let found: Vec<(String, String)> = sqlx::query_as(query)
        .bind(role)
        .fetch_all(connection)
        .await
        .map_err(|error| failed(at, "looking at what the migration made", &error))?;
    let names = found
        .iter()
        .map(|(schema, name)| format!("{}.{}", ident(schema), ident(name)));
    Ok(names.collect())
}
