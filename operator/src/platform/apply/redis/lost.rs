//! Users that a server has lost: it was started anew without its file, or somebody has dropped them. Nothing tells that, and
//! until a pass comes, once a minute, pods are refused. So one question every few seconds, for all Platforms of a server
//! together, finds whose users are missing; a pass over these mends it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use redis::aio::MultiplexedConnection;

use super::{administrator, ask};
use crate::platform::{
    StepError,
    apply::administrators::{Idle, Way},
    validate::RedisServer,
};

/// A Platform that no pass has looked at for so long has gone, is paused or has another server.
const LASTS: TimeDelta = TimeDelta::minutes(5);
/// Servers that are asked side by side: one that hangs keeps no other waiting.
const CONCURRENCY: usize = 16;

/// Namespace and name of a Platform.
pub(crate) type Name = (String, String);

/// Who has which users where, by the last pass over each Platform.
#[derive(Default)]
pub(crate) struct InUse(Mutex<HashMap<Way, Users>>);

struct Users {
    server: RedisServer,
    of: HashMap<Name, (Vec<String>, DateTime<Utc>)>,
}

impl InUse {
    /// A pass over a Platform has found, or made, these users on a server.
    pub(super) fn seen(
        &self,
        server: &RedisServer,
        platform: Name,
        users: Vec<String>,
        now: DateTime<Utc>,
    ) {
        self.all(|all| {
            forget(all, &platform);
            let here = all
                .entry(administrator::way(server))
                .or_insert_with(|| Users {
                    server: server.clone(),
                    of: HashMap::new(),
                });
            here.of.insert(platform, (users, now));
        });
    }

    /// The Platform is being deleted.
    pub(super) fn forget(&self, platform: &Name) {
        self.all(|all| forget(all, platform));
    }

    /// The servers that somebody has users on.
    fn servers(&self, now: DateTime<Utc>) -> Vec<RedisServer> {
        self.all(|all| {
            for users in all.values_mut() {
                users.of.retain(|_, (_, at)| (now - *at).abs() < LASTS);
            }
            all.retain(|_, users| !users.of.is_empty());
            all.values().map(|users| users.server.clone()).collect()
        })
    }

    /// The Platforms that lack a user among those that are `there`. They are told once, until a pass has seen them again: if that
    /// fails, its own pauses count.
    fn lacking(&self, server: &RedisServer, there: &BTreeSet<String>) -> Vec<Name> {
        self.all(|all| {
            let Some(users) = all.get_mut(&administrator::way(server)) else {
                return Vec::new();
            };
            let lacks = |_: &Name, (users, _): &mut (Vec<String>, DateTime<Utc>)| {
                users.iter().any(|user| !there.contains(user))
            };
            users.of.extract_if(lacks).map(|(name, _)| name).collect()
        })
    }

    fn all<T>(&self, work: impl FnOnce(&mut HashMap<Way, Users>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn forget(all: &mut HashMap<Way, Users>, platform: &Name) {
    for users in all.values_mut() {
        users.of.remove(platform);
    }
}

/// Asks every server for its users. Gives the Platforms that lack one; a server that does not answer is left to their passes.
pub(crate) async fn look(
    in_use: &InUse,
    idle: &Idle<MultiplexedConnection>,
    now: DateTime<Utc>,
) -> Vec<Name> {
    let looks = in_use.servers(now).into_iter().map(|server| async move {
        match users(idle, &server, now).await {
            Ok(there) => in_use.lacking(&server, &there),
            Err(error) => {
                administrator::forget(idle, &server, now);
                tracing::debug!(%error, "the users of a Redis server are not known");
                Vec::new()
            }
        }
    });
    let lost: Vec<Vec<Name>> = stream::iter(looks)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    lost.concat()
}

async fn users(
    idle: &Idle<MultiplexedConnection>,
    server: &RedisServer,
    now: DateTime<Utc>,
) -> Result<BTreeSet<String>, StepError> {
    let mut connection = administrator::take(idle, server, now).await?;
    let mut command = redis::cmd("ACL");
    command.arg("USERS");
    let users = ask(server, &mut connection, "listing users", &command).await?;
    idle.put(connection, now);
    Ok(users)
}
