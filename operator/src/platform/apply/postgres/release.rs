//! Letting go: logins end, are cut off and dropped; databases go or stay by policy.

use sqlx::PgConnection;

use super::{
    facts::Facts,
    server::{Address, admin, close, failed, ident, primary, replica, run},
};
use crate::{
    acts::{self, Act, System},
    platform::{
        StepError,
        apply::ledger::{Kind, Thing},
        validate::PostgresServer,
    },
};

/// What was dropped and what was left by policy.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Released {
    pub(super) dropped: Vec<Thing>,
    pub(super) left: Vec<Thing>,
}

/// Drops the things of the ledger that are there and, by their markers, ours; with `keep`, logins only. The list decides,
/// not today's names: the cluster's name in the operator's configuration may have changed meanwhile.
pub(super) async fn release(
    server: &PostgresServer,
    is_ours: impl Fn(&str) -> bool,
    listed: Vec<Thing>,
    keep: bool,
) -> Result<Released, StepError> {
    let at = primary(server);
    let mut connection = admin(server, at, &server.database).await?;
    let facts = Facts::read(&mut connection, at, &listed).await?;
    let ours: Vec<&Thing> = listed
        .iter()
        .filter(|thing| facts.ours(thing, &is_ours) == Some(true))
        .collect();
    let of_kind = |kind: Kind| {
        let things = ours.iter().filter(move |thing| thing.kind == kind);
        things.map(|thing| thing.name.clone()).collect::<Vec<_>>()
    };
    let logins = of_kind(Kind::Login);
    for login in &logins {
        let sql = format!("alter role {} nologin", ident(login));
        let object = format!("login {login}");
        run(&mut connection, at, "shutting", object, sql).await?;
    }
    cut_off(&mut connection, at, &logins).await?;
    if let Some(follower) = replica(server) {
        let mut connection = admin(server, follower, &server.database).await?;
        cut_off(&mut connection, follower, &logins).await?;
        close(connection).await;
    }
    if !keep {
        for database in of_kind(Kind::Database) {
            let sql = format!("drop database if exists {} with (force)", ident(&database));
            let object = format!("database {database}");
            run(&mut connection, at, "dropping", object, sql).await?;
        }
    }
    let groups = if keep {
        Vec::new()
    } else {
        of_kind(Kind::Role)
    };
    for role in logins.iter().chain(&groups) {
        let sql = format!("drop role if exists {}", ident(role));
        let object = format!("role {role}");
        run(&mut connection, at, "dropping", object, sql).await?;
    }
    close(connection).await;
    let stays = |thing: &&Thing| keep && thing.kind != Kind::Login && ours.contains(thing);
    let (left, dropped): (Vec<_>, Vec<_>) = listed.iter().partition(stays);
    let owned = |things: Vec<&Thing>| things.into_iter().cloned().collect();
    Ok(Released {
        dropped: owned(dropped),
        left: owned(left),
    })
}

/// Ends the sessions of the logins.
pub(super) async fn cut_off(
    connection: &mut PgConnection,
    at: Address<'_>,
    logins: &[String],
) -> Result<(), StepError> {
    // Of several it is the end of all, whichever are left.
    let object = match logins {
        [] => return Ok(()),
        [login] => format!("sessions of {login}"),
        _ => "the sessions of every login".to_owned(),
    };
    let act = Act::new(System::Postgres, "ending", object);
    let work = sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = any($1) and pid <> pg_backend_pid()",
    )
    .bind(logins)
    .execute(connection);
    let ended = acts::act(&act, work).await;
    ended
        .map(drop)
        .map_err(|error| failed(at, &act.doing(), &error))
}
