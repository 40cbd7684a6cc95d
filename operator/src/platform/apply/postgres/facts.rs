//! What is on the server, of what a Platform wants there. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{FromRow, PgConnection};

use super::{
    names::Names,
    server::{Address, failed},
};
use crate::platform::{
    StepError,
    apply::ledger::{Kind, Thing},
};

/// Whoever is a member is refused by the primary, where its administrator has set that up.
pub(super) const REPLICA_ONLY: &str = "crewdeck_replica_only";

/// A role.
#[derive(Debug, Clone, FromRow)]
pub(super) struct RoleFacts {
    name: String,
    /// Whether it may log in.
    pub(super) login: bool,
    /// Whether it has attributes that we never give, or lacks the one that makes memberships count.
    pub(super) altered: bool,
    marker: Option<String>,
    /// Connections that it may have at once; -1 is no limit.
    pub(super) connections: i32,
    /// The roles it is a member of.
    pub(super) groups: Vec<String>,
    /// Settings of its sessions, `name=value`.
    pub(super) settings: Vec<String>,
}

/// A database.
#[derive(Debug, Clone, FromRow)]
pub(super) struct DatabaseFacts {
    name: String,
    /// The role that owns it.
    pub(super) owner: String,
    marker: Option<String>,
    /// Rights of others than the owner, `role=RIGHT`, sorted.
    pub(super) grants: Vec<String>,
}

/// Roles and databases that are there.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) roles: BTreeMap<String, RoleFacts>,
    pub(super) databases: BTreeMap<String, DatabaseFacts>,
    /// Whether there is the role [`REPLICA_ONLY`].
    pub(super) replica_only: bool,
    /// The roles that the administrator is a member of, of those wanted.
    pub(super) administered: BTreeSet<String>,
    /// The logins, of those wanted, that have sessions on the primary or the replica.
    pub(super) in_use: BTreeSet<String>,
}

const ROLES: &str = "
    select r.rolname::text as name, r.rolcanlogin as login,
        r.rolcreatedb or r.rolcreaterole or not r.rolinherit as altered, shobj_description(r.oid, 'pg_authid') as marker,
        r.rolconnlimit as connections,
        array(select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.roleid
              where m.member = r.oid) as groups,
        coalesce((select s.setconfig from pg_db_role_setting s where s.setrole = r.oid and s.setdatabase = 0),
                 '{}') as settings
    from pg_roles r where r.rolname = any($1)";

const DATABASES: &str = "
    select d.datname::text as name, pg_get_userbyid(d.datdba)::text as owner,
        shobj_description(d.oid, 'pg_database') as marker,
        array(select coalesce(g.rolname::text, 'PUBLIC') || '=' || a.privilege_type
              from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
              left join pg_roles g on g.oid = a.grantee
              where a.grantee <> d.datdba) as grants
    from pg_database d where d.datname = any($1)";

const ADMINISTERED: &str = "
    select rolname::text from pg_roles where rolname = any($1) and pg_has_role(current_user, oid, 'usage')";

const IN_USE: &str = "select distinct usename::text from pg_stat_activity where usename = any($1)";

impl Facts {
    /// Looks.
    pub(super) async fn read(
        connection: &mut PgConnection,
        at: Address<'_>,
        things: &[Thing],
    ) -> Result<Self, StepError> {
        let wrong = |error: sqlx::Error| failed(at, "looking at what is there", &error);
        let wanted = |kinds: &[Kind]| -> Vec<String> {
            let of_kind = things.iter().filter(|thing| kinds.contains(&thing.kind));
            of_kind.map(|thing| thing.name.clone()).collect()
        };
        let role_names = wanted(&[Kind::Role, Kind::Login]);
        let roles: Vec<RoleFacts> = sqlx::query_as(ROLES)
            .bind(&role_names)
            .fetch_all(&mut *connection)
            .await
            .map_err(wrong)?;
        let databases: Vec<DatabaseFacts> = sqlx::query_as(DATABASES)
            .bind(wanted(&[Kind::Database]))
            .fetch_all(&mut *connection)
            .await
            .map_err(wrong)?;
        let administered: Vec<String> = sqlx::query_scalar(ADMINISTERED)
            .bind(&role_names)
            .fetch_all(&mut *connection)
            .await
            .map_err(wrong)?;
        let in_use: Vec<String> = sqlx::query_scalar(IN_USE)
            .bind(&role_names)
            .fetch_all(&mut *connection)
            .await
            .map_err(wrong)?;
        let replica_only: bool =
            sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
                .bind(REPLICA_ONLY)
                .fetch_one(&mut *connection)
                .await
                .map_err(wrong)?;
        let role = |facts: RoleFacts| (facts.name.clone(), facts);
        // Sorted here: the server's order depends on its locale.
        let database = |mut facts: DatabaseFacts| {
            facts.grants.sort();
            (facts.name.clone(), facts)
        };
        Ok(Self {
            roles: roles.into_iter().map(role).collect(),
            databases: databases.into_iter().map(database).collect(),
            replica_only,
            administered: administered.into_iter().collect(),
            in_use: in_use.into_iter().collect(),
        })
    }

    /// Adds the logins that have sessions on another server.
    pub(super) async fn see_sessions(
        &mut self,
        connection: &mut PgConnection,
        at: Address<'_>,
    ) -> Result<(), StepError> {
        let roles: Vec<&str> = self.roles.keys().map(String::as_str).collect();
        let found: Vec<String> = sqlx::query_scalar(IN_USE)
            .bind(roles)
            .fetch_all(connection)
            .await
            .map_err(|error| failed(at, "looking for sessions", &error))?;
        self.in_use.extend(found);
        Ok(())
    }

    /// Whether a login is shut and nobody uses it.
    pub(super) fn is_ended(&self, login: &str) -> bool {
        let open = self.roles.get(login).is_some_and(|role| role.login);
        !open && !self.in_use.contains(login)
    }

    /// Whether the thing is there; if so, whether it is ours by its marker. A database is marked after it was made, in a
    /// second statement; one that belongs to a marked owner is ours all the same.
    pub(super) fn ours(&self, thing: &Thing, is_ours: impl Fn(&str) -> bool) -> Option<bool> {
        let marked = |marker: &Option<String>| marker.as_deref().is_some_and(&is_ours);
        let role = |name: &str| Some(marked(&self.roles.get(name)?.marker));
        match thing.kind {
            Kind::Database => {
                let found = self.databases.get(&thing.name)?;
                Some(marked(&found.marker) || role(&found.owner) == Some(true))
            }
            _ => role(&thing.name),
        }
    }

    /// Whether the database bears our marker.
    pub(super) fn database_is_marked(&self, name: &str, names: &Names) -> bool {
        let found = self.databases.get(name);
        found.is_some_and(|found| found.marker.as_deref() == Some(&names.marker))
    }
}

/// What is inside a database.
#[derive(Debug, FromRow)]
pub(super) struct InnerFacts {
    /// On the schema `public`, `role=RIGHT`, sorted; without its owner's.
    pub(super) schema: Vec<String>,
    /// On what the owner will make, `type:role=RIGHT`, sorted; without its own.
    pub(super) defaults: Vec<String>,
    /// Whether there is no table beside the server's own.
    pub(super) empty: bool,
}

const INNER: &str = "
    select
        array(select coalesce(g.rolname::text, 'PUBLIC') || '=' || a.privilege_type
              from pg_namespace n
              cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
              left join pg_roles g on g.oid = a.grantee
              where n.nspname = 'public' and a.grantee <> n.nspowner) as schema,
        array(select d.defaclobjtype::text || ':' || coalesce(g.rolname::text, 'PUBLIC') || '=' || a.privilege_type
              from pg_default_acl d
              join pg_roles r on r.oid = d.defaclrole
              cross join lateral aclexplode(d.defaclacl) a
              left join pg_roles g on g.oid = a.grantee
              where r.rolname = $1 and d.defaclnamespace = 0 and a.grantee <> d.defaclrole) as defaults,
        not exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                    where c.relkind in ('r', 'p') and n.nspname <> 'information_schema' and n.nspname !~ '^pg_') as empty";

impl InnerFacts {
    /// Looks.
    pub(super) async fn read(
        connection: &mut PgConnection,
        at: Address<'_>,
        owner: &str,
    ) -> Result<Self, StepError> {
        let found = sqlx::query_as(INNER)
            .bind(owner)
            .fetch_one(connection)
            .await;
        let mut found: Self =
            found.map_err(|error| failed(at, "looking inside a database", &error))?;
        found.schema.sort();
        found.defaults.sort();
        Ok(found)
    }
}
