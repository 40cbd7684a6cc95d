//! Redis: one user per client, shut into its own namespace, proved by logging in.

mod server;
#[cfg(test)]
mod tests;
mod user;

use std::collections::BTreeMap;

use common_clock::Ids;
use crds::{DeletionPolicy, Reason};
use redis::{Cmd, RedisResult, Value, aio::MultiplexedConnection};
use secrecy::SecretString;

use self::{
    server::{Refusal, admin, failed, log_in, scheme},
    user::Shape,
};
use super::ledger::{Kind, Ledger, Left, Server, Thing, left_behind};
use crate::{
    credentials::{Keys, KubeStore, Login, Store, next_epoch, password, read_login, url},
    platform::{
        Context, StepError,
        validate::{ExternalNames, RedisServer, ValidatedPlatform},
    },
};

/// What stands on Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisApplied {
    /// The epoch of each client's Secret.
    pub epochs: BTreeMap<&'static str, u64>,
}

/// A client: its Secret is `P-<secret>`, its user and its namespace have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientSpec {
    secret: &'static str,
    namespace: String,
}

/// The two clients.
pub(crate) fn clients(names: &ExternalNames) -> [ClientSpec; 2] {
    [("redis-app", "app"), ("redis-analytics", "analytics")].map(|(secret, client)| ClientSpec {
        secret,
        namespace: names.redis_namespace(client),
    })
}

impl ClientSpec {
    fn things(&self) -> [Thing; 2] {
        [Kind::Login, Kind::Namespace].map(|kind| Thing::new(Server::Redis, kind, &self.namespace))
    }
}

/// Both users as wanted, also after a restart that forgot them, and the Secrets of their clients.
///
/// # Errors
/// What the server or the API server refuses, with the remedy.
pub async fn ensure(cx: &Context, p: &ValidatedPlatform) -> Result<RedisApplied, StepError> {
    let mut store = KubeStore::open(cx, p).await?;
    converge(&p.redis, &clients(&p.external), &mut store, &*cx.ids).await
}

/// The part of [`ensure`] that knows nothing of Kubernetes.
pub(crate) async fn converge(
    server: &RedisServer,
    clients: &[ClientSpec],
    store: &mut dyn Store,
    ids: &dyn Ids,
) -> Result<RedisApplied, StepError> {
    let mut connection = admin(server).await?;
    let mut applied = RedisApplied::default();
    let mut found = Vec::new();
    for client in clients {
        let user = look(server, &mut connection, &client.namespace).await?;
        let [login, _] = client.things();
        let ours = user
            .as_ref()
            .is_none_or(|user| user.is_of(&client.namespace));
        if !ours && !store.knows(&login) {
            return Err(StepError::transient(
                Reason::NotOurs,
                format!(
                    "Redis at {}:{} has a user {} that may use other keys than {}:*: it is not touched. Rename or drop it",
                    server.host, server.port, client.namespace, client.namespace
                ),
            ));
        }
        found.push(user);
    }
    let things: Vec<Thing> = clients.iter().flat_map(ClientSpec::things).collect();
    store.intend(&things).await?;
    for (client, found) in clients.iter().zip(found) {
        let epoch = settle(server, &mut connection, client, found, store, ids).await?;
        applied.epochs.insert(client.secret, epoch);
    }
    store.made(Server::Redis).await?;
    Ok(applied)
}

/// One user, proved, and its Secret. Changes nothing if all is as wanted. Returns the epoch.
async fn settle(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    client: &ClientSpec,
    found: Option<Shape>,
    store: &mut dyn Store,
    ids: &dyn Ids,
) -> Result<u64, StepError> {
    let name = &client.namespace;
    let kept = store.secret(client.secret).await?;
    let known = kept.as_ref().and_then(read_login);
    let login = known
        .filter(|login| login.user == *name)
        .unwrap_or_else(|| Login {
            user: name.clone(),
            password: password(ids),
        });
    let wanted = Shape::wanted(name, &login.password);
    if found.as_ref() != Some(&wanted) {
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(name).arg(wanted.rules());
        ask::<()>(
            server,
            connection,
            &format!("setting user {name}"),
            &command,
        )
        .await?;
        save(server, connection).await?;
    }
    prove(server, client, &login).await?;
    let mut keys = Keys::from([(
        "url".to_owned(),
        url(scheme(server), &login, &server.host, server.port, ""),
    )]);
    if let Some(ca) = &server.ca_pem {
        keys.insert("ca.crt".to_owned(), SecretString::from(ca.clone()));
    }
    let (epoch, changed) = next_epoch(kept.as_ref(), &keys);
    if changed {
        keys.insert("epoch".into(), SecretString::from(epoch.to_string()));
        store.keep(client.secret, keys).await?;
    }
    Ok(epoch)
}

/// Logs in as the client: its own keys answer, others' and other commands are refused.
async fn prove(server: &RedisServer, client: &ClientSpec, login: &Login) -> Result<(), StepError> {
    let name = &client.namespace;
    let wrong = |finding: String| {
        StepError::transient(
            Reason::BackendRefused,
            format!(
                "Redis at {}:{}: user {name} {finding}; check that nothing but the operator sets this user's rules",
                server.host, server.port
            ),
        )
    };
    let mut connection = log_in(server, login)
        .await
        .map_err(|refusal| match refusal {
            Refusal::Login(words) => wrong(format!("was refused just after it was set: {words}")),
            Refusal::Other(error) => error,
        })?;
    let mut own = redis::cmd("GET");
    own.arg(format!("{name}:proof"));
    ask::<Value>(
        server,
        &mut connection,
        &format!("reading {name}:proof as its user"),
        &own,
    )
    .await?;
    let mut foreign = redis::cmd("GET");
    foreign.arg(format!("not-{name}:proof"));
    let mut config = redis::cmd("CONFIG");
    config.arg("GET").arg("port");
    for (what, command) in [("the keys of others", foreign), ("CONFIG", config)] {
        let answer: RedisResult<Value> = command.query_async(&mut connection).await;
        match answer {
            Err(error) if error.code() == Some("NOPERM") => {}
            Err(error) => return Err(failed(server, &format!("proving user {name}"), &error)),
            Ok(_) => return Err(wrong(format!("may use {what}"))),
        }
    }
    Ok(())
}

async fn ask<T: redis::FromRedisValue>(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    doing: &str,
    command: &Cmd,
) -> Result<T, StepError> {
    let answer = command.query_async(connection).await;
    answer.map_err(|error| failed(server, doing, &error))
}

/// The user as it is.
async fn look(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    name: &str,
) -> Result<Option<Shape>, StepError> {
    let mut command = redis::cmd("ACL");
    command.arg("GETUSER").arg(name);
    let answer: Value = ask(
        server,
        connection,
        &format!("reading user {name}"),
        &command,
    )
    .await?;
    if answer == Value::Nil {
        return Ok(None);
    }
    let shape = Shape::read(&answer).ok_or_else(|| {
        StepError::transient(
            Reason::BackendRefused,
            format!(
                "Redis at {}:{} describes user {name} in a form that is not known; Redis 7 or newer is needed",
                server.host, server.port
            ),
        )
    })?;
    Ok(Some(shape))
}

/// Makes the users outlive a restart.
async fn save(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
) -> Result<(), StepError> {
    let mut command = redis::cmd("ACL");
    command.arg("SAVE");
    ask(
        server,
        connection,
        "saving the users to the ACL file",
        &command,
    )
    .await
}

/// Drops both users, which ends their connections; keeps or drops their keys by policy. What is kept is returned.
///
/// # Errors
/// `LeftBehind` when the server cannot be reached, with what is left there.
pub async fn release(
    cx: &Context,
    p: &ValidatedPlatform,
    policy: DeletionPolicy,
) -> Result<Left, StepError> {
    let mut ledger = Ledger::read(cx, p).await?;
    let listed = ledger.on(Server::Redis);
    if listed.is_empty() {
        return Ok(Left::default());
    }
    let keep = policy == DeletionPolicy::Retain;
    let done = drop_all(&p.redis, &listed, keep).await;
    done.map_err(|error| left_behind(&error, &listed))?;
    let stays = |thing: &Thing| keep && thing.kind == Kind::Namespace;
    let (left, dropped): (Vec<_>, Vec<_>) = listed.into_iter().partition(stays);
    ledger.dropped(cx, p, &dropped).await?;
    Ok(Left(left))
}

/// The part of [`release`] that knows nothing of Kubernetes. A user of that name that is not ours stays.
async fn drop_all(server: &RedisServer, listed: &[Thing], keep: bool) -> Result<(), StepError> {
    let mut connection = admin(server).await?;
    let mut dropped = false;
    for login in listed.iter().filter(|thing| thing.kind == Kind::Login) {
        let name = &login.name;
        let found = look(server, &mut connection, name).await?;
        if found.is_some_and(|user| user.is_of(name)) {
            let mut command = redis::cmd("ACL");
            command.arg("DELUSER").arg(name);
            ask::<()>(
                server,
                &mut connection,
                &format!("dropping user {name}"),
                &command,
            )
            .await?;
            dropped = true;
        }
    }
    if dropped {
        save(server, &mut connection).await?;
    }
    if keep {
        return Ok(());
    }
    for namespace in listed.iter().filter(|thing| thing.kind == Kind::Namespace) {
        drop_keys(server, &mut connection, &namespace.name).await?;
    }
    Ok(())
}

/// Drops every key of a namespace, some at a time, so that the server stays free for others.
async fn drop_keys(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    namespace: &str,
) -> Result<(), StepError> {
    let doing = format!("dropping the keys of {namespace}");
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor)
            .arg("MATCH")
            .arg(format!("{namespace}:*"))
            .arg("COUNT")
            .arg(1_000);
        let (next, keys): (u64, Vec<Vec<u8>>) = ask(server, connection, &doing, &scan).await?;
        if !keys.is_empty() {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(keys);
            ask::<u64>(server, connection, &doing, &unlink).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
