//! Roles, databases and rights: brought to the wanted shape, one difference at a time. What is as wanted is not touched.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::{
    Limits,
    facts::{Facts, InnerFacts, REPLICA_ONLY},
    names::{LoginSpec, Names, Place},
    server::{Address, admin, close, ident, literal, run},
};
use crate::platform::{StepError, validate::PostgresServer};

/// What PostgreSQL has for no limit.
const UNLIMITED: i32 = -1;

/// Attributes of every role of ours.
const PLAIN: &str = "inherit nocreatedb nocreaterole";

/// Group roles and both slots of each login; passwords come later.
pub(super) async fn roles(
    connection: &mut PgConnection,
    at: Address<'_>,
    names: &Names,
    facts: &Facts,
    limits: Limits,
) -> Result<(), StepError> {
    for group in names.groups() {
        let role = ident(group);
        match facts.roles.get(group) {
            None => {
                let marker = literal(&names.marker);
                let sql = format!("create role {role} nologin; comment on role {role} is {marker}");
                let object = format!("role {group}");
                run(connection, at, "creating", object, sql).await?;
            }
            Some(found) => {
                let mut sql = Vec::new();
                if found.login || found.altered {
                    sql.push(format!("alter role {role} nologin {PLAIN}"));
                }
                let member = found.groups.iter();
                sql.extend(member.map(|of| format!("revoke {} from {role}", ident(of))));
                if !sql.is_empty() {
                    let object = format!("role {group}");
                    run(connection, at, "shaping", object, sql.join("; ")).await?;
                }
            }
        }
    }
    // To give something to a role, or to set defaults for what it makes, one must be its member.
    for owner in [&names.owner, &names.analytics] {
        if !facts.administered.contains(owner) {
            let sql = format!("grant {} to current_user", ident(owner));
            run(connection, at, "joining", format!("role {owner}"), sql).await?;
        }
    }
    let shape = Shape {
        marker: &names.marker,
        facts,
        connections: limits.connections.unwrap_or(UNLIMITED),
    };
    for login in names.logins() {
        for slot in &login.slots {
            slot_role(connection, at, &login, slot, shape).await?;
        }
    }
    Ok(())
}

/// What all logins have in common.
#[derive(Clone, Copy)]
struct Shape<'a> {
    marker: &'a str,
    facts: &'a Facts,
    connections: i32,
}

/// One role that may log in, or may later.
async fn slot_role(
    connection: &mut PgConnection,
    at: Address<'_>,
    login: &LoginSpec,
    slot: &str,
    shape: Shape<'_>,
) -> Result<(), StepError> {
    let Shape { marker, facts, .. } = shape;
    let role = ident(slot);
    let mut sql = Vec::new();
    let found = facts.roles.get(slot);
    if found.is_none() {
        sql.push(format!("create role {role} nologin"));
        sql.push(format!("comment on role {role} is {}", literal(marker)));
    }
    if found.is_some_and(|found| found.altered) {
        sql.push(format!("alter role {role} {PLAIN}"));
    }
    let (connections, has) = (shape.connections, found.map(|found| found.connections));
    if has.unwrap_or(UNLIMITED) != connections {
        sql.push(format!("alter role {role} connection limit {connections}"));
    }
    let mut groups = BTreeSet::from([&*login.group]);
    if facts.replica_only && login.place == Place::Replica {
        groups.insert(REPLICA_ONLY);
    }
    let has: BTreeSet<&str> = found
        .map(|found| found.groups.iter().map(String::as_str).collect())
        .unwrap_or_default();
    for group in groups.difference(&has) {
        sql.push(format!("grant {} to {role}", ident(group)));
    }
    for group in has.difference(&groups) {
        sql.push(format!("revoke {} from {role}", ident(group)));
    }
    let mut settings = Vec::new();
    if let Some(owner) = &login.becomes {
        settings.push(("role", owner.as_str()));
    }
    if login.read_only {
        settings.push(("default_transaction_read_only", "on"));
    }
    let wanted: BTreeSet<String> = settings
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let has: BTreeSet<String> = found
        .map(|found| found.settings.iter().cloned().collect())
        .unwrap_or_default();
    if wanted != has {
        if !has.is_empty() {
            sql.push(format!("alter role {role} reset all"));
        }
        for (name, value) in settings {
            sql.push(format!(
                "alter role {role} set {name} to {}",
                literal(value)
            ));
        }
    }
    if sql.is_empty() {
        return Ok(());
    }
    let verb = if found.is_none() {
        "creating"
    } else {
        "shaping"
    };
    run(connection, at, verb, format!("role {slot}"), sql.join("; ")).await
}

/// Both databases, with nothing for PUBLIC.
pub(super) async fn databases(
    connection: &mut PgConnection,
    at: Address<'_>,
    names: &Names,
    facts: &Facts,
) -> Result<(), StepError> {
    for (database, owner) in names.databases() {
        let name = ident(database);
        let found = facts.databases.get(database);
        if found.is_none() {
            let sql = format!("create database {name} owner {}", ident(owner));
            let object = format!("database {database}");
            run(connection, at, "creating", object, sql).await?;
        }
        let mut sql = Vec::new();
        if found.is_some_and(|found| found.owner != owner) {
            sql.push(format!("alter database {name} owner to {}", ident(owner)));
        }
        if !facts.database_is_marked(database, names) {
            let marker = literal(&names.marker);
            sql.push(format!("comment on database {name} is {marker}"));
        }
        let visitors: &[&String] = if database == names.database {
            &[&names.app, &names.reader]
        } else {
            &[]
        };
        let mut wanted: Vec<String> = visitors
            .iter()
            .map(|role| format!("{role}=CONNECT"))
            .collect();
        wanted.sort();
        if found.is_none_or(|found| concerning(&found.grants, visitors) != wanted) {
            sql.push(format!("revoke all on database {name} from public"));
            for role in visitors {
                let role = ident(role);
                sql.push(format!("revoke all on database {name} from {role}"));
                sql.push(format!("grant connect on database {name} to {role}"));
            }
        }
        if !sql.is_empty() {
            let object = format!("database {database}");
            run(connection, at, "shaping", object, sql.join("; ")).await?;
        }
    }
    Ok(())
}

/// Rights that the application's group gets on what the owner makes: `ALTER DEFAULT PRIVILEGES`, by kind of object.
const DEFAULTS: [(&str, &str, &[&str]); 4] = [
    ("r", "tables", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("S", "sequences", &["USAGE", "SELECT"]),
    ("f", "functions", &["EXECUTE"]),
    ("n", "schemas", &["USAGE"]),
];

/// Of the rights that were found (`role=RIGHT` or `kind:role=RIGHT`) those of everybody and of our roles. What an
/// administrator gave to others, such as a login for backups, is not ours to judge.
fn concerning(found: &[String], ours: &[&String]) -> Vec<String> {
    let concerns = |right: &&String| {
        let role = right.rsplit_once('=').map_or("", |(role, _)| role);
        let role = role.split_once(':').map_or(role, |(_, role)| role);
        role == "PUBLIC" || ours.iter().any(|our| role == our.as_str())
    };
    found.iter().filter(concerns).cloned().collect()
}

/// Rights inside both databases. Gives those that have no table.
pub(super) async fn inside(
    server: &PostgresServer,
    at: Address<'_>,
    names: &Names,
) -> Result<BTreeSet<String>, StepError> {
    let mut empty = BTreeSet::new();
    for (database, owner) in names.databases() {
        let mut connection = admin(server, at, database).await?;
        let facts = InnerFacts::read(&mut connection, at, owner).await?;
        if facts.empty {
            empty.insert(database.to_owned());
        }
        let visitors: &[&String] = if database == names.database {
            &[&names.app, &names.reader]
        } else {
            &[]
        };
        let mut sql = Vec::new();
        let mut wanted: Vec<String> = visitors
            .iter()
            .map(|role| format!("{role}=USAGE"))
            .collect();
        wanted.sort();
        if concerning(&facts.schema, visitors) != wanted {
            sql.push("revoke all on schema public from public".to_owned());
            for role in visitors {
                let role = ident(role);
                sql.push(format!("revoke all on schema public from {role}"));
                sql.push(format!("grant usage on schema public to {role}"));
            }
        }
        let found = concerning(&facts.defaults, &[&names.app]);
        if database == names.database && found != defaults(&names.app) {
            let (owner, app) = (ident(owner), ident(&names.app));
            for (_, objects, rights) in DEFAULTS {
                let for_owner = format!("alter default privileges for role {owner}");
                let rights = rights.join(", ");
                sql.push(format!("{for_owner} revoke all on {objects} from public"));
                sql.push(format!("{for_owner} revoke all on {objects} from {app}"));
                sql.push(format!("{for_owner} grant {rights} on {objects} to {app}"));
            }
        }
        if !sql.is_empty() {
            let object = format!("rights inside database {database}");
            run(&mut connection, at, "granting", object, sql.join("; ")).await?;
        }
        close(connection).await;
    }
    Ok(empty)
}

/// The default privileges as [`InnerFacts`] shows them.
fn defaults(app: &str) -> Vec<String> {
    let mut wanted: Vec<String> = DEFAULTS
        .iter()
        .flat_map(|(kind, _, rights)| {
            let right = move |right: &&str| format!("{kind}:{app}={right}");
            rights.iter().map(right)
        })
        .collect();
    wanted.sort();
    wanted
}
