//! PostgreSQL: two databases, roles that own and roles that have rights, and four logins, each proved where it is used
//! before its Secret is written.

mod administrator;
mod facts;
mod former;
mod grants;
mod lag;
mod logins;
mod names;
mod release;
#[cfg(test)]
mod replicated;
mod server;
mod shape;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use crds::{DeletionPolicy, Reason};
use sqlx::PgConnection;

pub use names::{LoginSpec, Names, Place};

use self::{
    facts::Facts,
    server::{primary, replica},
};
use super::{
    administrators::Idle,
    ledger::{Ledger, Left, Server, Thing, list},
};
use crate::{
    credentials::{Belief, KubeStore, Rotation, Settled, Store, subject},
    platform::{
        Context, States, StepError,
        validate::{PostgresServer, ValidatedPlatform},
    },
};

/// What stands on PostgreSQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostgresApplied {
    /// Each client's login.
    pub logins: BTreeMap<&'static str, Settled>,
    /// Databases that have no table; `None` where nobody looked, since the roles serve.
    pub empty: Option<BTreeSet<String>>,
    /// That the replica is further behind than it may be, in words.
    pub lagging: Option<String>,
}

/// What the spec allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections of one login at one server; `None` is no limit.
    pub(crate) connections: Option<i32>,
    /// How far the replica may be behind.
    pub(crate) lag: TimeDelta,
}

/// A proof and a look inside count until the next regular pass, and for those between, or longer where there are many:
/// whether a password is the right one cannot be looked at, and pods with open connections do not notice.
const BETWEEN: TimeDelta = TimeDelta::seconds(50);

fn names(p: &ValidatedPlatform) -> Names {
    Names::of(&p.external.sql(), &p.namespace, &p.name)
}

/// Databases, roles and logins as wanted, and the four Secrets of their clients.
///
/// # Errors
/// What the server or the API server refuses, with the remedy; `ReplicaLagging` while the replica does not know a login.
pub async fn ensure(
    cx: &Context,
    p: &ValidatedPlatform,
    ledger: &Ledger,
    states: &States<'_>,
    belief: Belief,
) -> Result<PostgresApplied, StepError> {
    let mut store = KubeStore::new(cx, p, ledger);
    let rotation = Rotation::of(cx, states, p.database_credentials, belief.at_most(BETWEEN));
    let idle = &cx.administrators.postgres;
    let limits = Limits {
        connections: p.connection_limit,
        lag: p.maximum_replica_lag,
    };
    let done = converge(idle, &p.postgres, &names(p), limits, &mut store, &rotation).await;
    if done.is_err() {
        administrator::forget(idle, &p.postgres, rotation.now);
    }
    done
}

/// The part of [`ensure`] that knows nothing of Kubernetes.
pub(crate) async fn converge(
    idle: &Idle<PgConnection>,
    server: &PostgresServer,
    names: &Names,
    limits: Limits,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<PostgresApplied, StepError> {
    let at = primary(server);
    let mut connection = administrator::take(idle, server, at, rotation.now).await?;
    let things = names.things();
    let mut facts = Facts::read(&mut connection, at, &things).await?;
    let mut lagging = None;
    if let Some(at) = replica(server) {
        let mut follower = administrator::take(idle, server, at, rotation.now).await?;
        facts.see_sessions(&mut follower, at).await?;
        lagging = lag::excess(&mut follower, at, limits.lag).await?;
        idle.put(follower, rotation.now);
    }
    let foreign: Vec<&Thing> = things
        .iter()
        .filter(|thing| facts.ours(thing, |marker| marker == names.marker) == Some(false))
        .filter(|thing| !store.knows(thing))
        .collect();
    if !foreign.is_empty() {
        return Err(StepError::transient(
            Reason::NotOurs,
            format!(
                "PostgreSQL at {at} has {} without the comment {:?}: it is not touched. Rename or drop it, or set that \
                 comment if it is this Platform's",
                list(foreign),
                names.marker
            ),
        ));
    }
    store.intend(&things).await?;
    shape::roles(&mut connection, at, names, &facts, limits).await?;
    if names
        .databases()
        .iter()
        .any(|(name, _)| !facts.databases.contains_key(*name))
    {
        // One that is made now is new to everybody, also when this pass dies before it looks.
        rotation.unseen(&names.database);
    }
    shape::databases(&mut connection, at, names, &facts).await?;
    let mut applied = PostgresApplied {
        logins: BTreeMap::new(),
        empty: inside(server, names, rotation).await?,
        lagging,
    };
    // Roles are there now; what they were before decides which login is open.
    for login in names.logins() {
        let settled =
            logins::settle(server, &mut connection, &facts, &login, store, rotation).await?;
        applied.logins.insert(login.client, settled);
    }
    idle.put(connection, rotation.now);
    store.made(Server::Postgres).await?;
    Ok(applied)
}

/// Rights inside both databases as wanted; gives those that have no table.
///
/// # Errors
/// What the server refuses.
pub async fn look_inside(p: &ValidatedPlatform) -> Result<BTreeSet<String>, StepError> {
    shape::inside(&p.postgres, primary(&p.postgres), &names(p)).await
}

/// The same; `None` when that was looked at not long ago.
async fn inside(
    server: &PostgresServer,
    names: &Names,
    rotation: &Rotation<'_>,
) -> Result<Option<BTreeSet<String>>, StepError> {
    let subject = subject((&server.host, server.port));
    if rotation.was_seen(&names.database, subject) {
        return Ok(None);
    }
    let empty = shape::inside(server, primary(server), names).await?;
    if empty.is_empty() {
        rotation.seen(&names.database, subject);
    } else {
        // Whether anybody fills it, or has lost it, is to be seen at once.
        rotation.unseen(&names.database);
    }
    Ok(Some(empty))
}

/// After the migration: lets the application use, and the readers of analytics read, what the migration made for them
/// and default privileges do not cover.
///
/// # Errors
/// What the server refuses.
pub async fn grant(cx: &Context, p: &ValidatedPlatform) -> Result<(), StepError> {
    let granted = grants::ensure(&p.postgres, &names(p)).await;
    if granted.is_err() {
        // All is not as wanted there.
        look_again(cx, p);
    }
    granted
}

/// What was seen inside the databases counts no longer: the next pass that acts looks again.
pub(crate) fn look_again(cx: &Context, p: &ValidatedPlatform) {
    cx.proofs.refuted(&names(p).database, cx.clock.now());
}

/// Ends and drops the logins; keeps or drops the databases by policy. What is kept is returned.
///
/// # Errors
/// `LeftBehind` when the server cannot be reached, with what is left there.
pub async fn release(
    cx: &Context,
    p: &ValidatedPlatform,
    policy: DeletionPolicy,
) -> Result<Left, StepError> {
    let ledger = Ledger::read(cx, p).await?;
    let listed = ledger.on(Server::Postgres);
    if listed.is_empty() {
        return Ok(Left::default());
    }
    let keep = policy == DeletionPolicy::Retain;
    let is_ours = |marker: &str| Names::is_of(marker, &p.namespace, &p.name);
    let released = release::release(&p.postgres, is_ours, listed.clone(), keep).await;
    let released = released.map_err(|error| super::ledger::left_behind(&error, &listed))?;
    ledger.dropped(cx, p, &released.dropped).await?;
    administrator::forget(&cx.administrators.postgres, &p.postgres, cx.clock.now());
    Ok(Left(released.left))
}
