//! Redis: two users per client, of which one is in use, shut into the client's namespace and proved by logging in.

mod administrator;
mod everybody;
pub(super) mod lost;
mod server;
mod sessions;
#[cfg(test)]
mod tests;
mod user;

use std::collections::BTreeMap;

use crds::{DeletionPolicy, Reason};
use redis::{Cmd, RedisResult, Value, aio::MultiplexedConnection};
use secrecy::{ExposeSecret as _, SecretString};

use self::{
    server::{Refusal, admin, failed, log_in, scheme},
    user::{Categories, Shape},
};
use super::{
    administrators::Idle,
    ledger::{Kind, Ledger, Left, Server, Thing, left_behind},
};
use crate::{
    acts::{self, Act, System},
    credentials::{
        Belief, Found, Issue, Keys, KubeStore, Login, Rotation, Settled, Store, free_slot,
        other_slot, subject, url,
    },
    platform::{
        Context, States, StepError,
        validate::{ExternalNames, RedisServer, ValidatedPlatform},
    },
};

/// What stands on Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisApplied {
    /// Each client's login.
    pub logins: BTreeMap<&'static str, Settled>,
    /// What is to be mended on the server, though all works.
    pub warning: Option<String>,
}

impl RedisApplied {
    /// Who is in use.
    fn users(&self) -> Vec<String> {
        let users = self.logins.values().map(|login| login.user.clone());
        users.collect()
    }
}

/// A client: its Secret is `P-<secret>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientSpec {
    secret: &'static str,
    namespace: String,
    /// The two users. Two passwords of one user would do for a change, but no session tells which one it came with.
    slots: [String; 2],
}

/// The two clients.
pub(crate) fn clients(names: &ExternalNames) -> [ClientSpec; 2] {
    [("redis-app", "app"), ("redis-analytics", "analytics")].map(|(secret, client)| {
        let namespace = names.redis_namespace(client);
        ClientSpec {
            secret,
            slots: [namespace.clone(), format!("{namespace}-b")],
            namespace,
        }
    })
}

impl ClientSpec {
    fn things(&self) -> impl Iterator<Item = Thing> {
        let login = |user: &String| Thing::new(Server::Redis, Kind::Login, user);
        let namespace = Thing::new(Server::Redis, Kind::Namespace, &self.namespace);
        self.slots.iter().map(login).chain([namespace])
    }
}

/// Every client's user as wanted, also after a restart that forgot it, and the Secrets of the clients.
///
/// # Errors
/// What the server or the API server refuses, with the remedy.
pub async fn ensure(
    cx: &Context,
    p: &ValidatedPlatform,
    ledger: &Ledger,
    states: &States<'_>,
    belief: Belief,
) -> Result<RedisApplied, StepError> {
    let mut store = KubeStore::new(cx, p, ledger);
    let rotation = Rotation::of(cx, states, p.redis_credentials, belief);
    let idle = &cx.administrators.redis;
    let clients = clients(&p.external);
    let done = converge(idle, &p.redis, &clients, &mut store, &rotation).await;
    match &done {
        Ok(applied) => {
            let in_use = &cx.administrators.redis_users;
            in_use.seen(&p.redis, name(p), applied.users(), rotation.now);
        }
        Err(_) => administrator::forget(idle, &p.redis, rotation.now),
    }
    done
}

/// Namespace and name of a Platform.
fn name(p: &ValidatedPlatform) -> lost::Name {
    (p.namespace.clone(), p.name.clone())
}

/// Part of what a server says that keeps its users in no file.
const NO_FILE: &str = "not configured to use an ACL file";

/// The users that are there, by name.
type Users = BTreeMap<String, Shape>;

/// The part of [`ensure`] that knows nothing of Kubernetes.
pub(crate) async fn converge(
    idle: &Idle<MultiplexedConnection>,
    server: &RedisServer,
    clients: &[ClientSpec],
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<RedisApplied, StepError> {
    let mut connection = administrator::take(idle, server, rotation.now).await?;
    let mut applied = RedisApplied {
        logins: BTreeMap::new(),
        warning: everybody::look(server, &mut connection).await?,
    };
    let mut users = Users::new();
    for client in clients {
        for slot in &client.slots {
            let Some(user) = look(server, &mut connection, slot).await? else {
                continue;
            };
            let login = Thing::new(Server::Redis, Kind::Login, slot);
            if !user.is_of(&client.namespace) && !store.knows(&login) {
                return Err(StepError::transient(
                    Reason::NotOurs,
                    format!(
                        "Redis at {}:{} has a user {slot} that may use other keys than {}:*: it is not touched. Rename or \
                         drop it",
                        server.host, server.port, client.namespace
                    ),
                ));
            }
            users.insert(slot.clone(), user);
        }
    }
    let things: Vec<Thing> = clients.iter().flat_map(ClientSpec::things).collect();
    store.intend(&things).await?;
    for client in clients {
        let settled = settle(server, &mut connection, client, &users, store, rotation).await?;
        applied.logins.insert(client.secret, settled);
    }
    idle.put(connection, rotation.now);
    store.made(Server::Redis).await?;
    Ok(applied)
}

/// One client: a user that is proved, and its Secret. Its other user takes over when that is due, and the former one ends
/// when nobody uses it any more. Changes nothing if there is nothing to do.
async fn settle(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    client: &ClientSpec,
    users: &Users,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<Settled, StepError> {
    let kept = store.secret(client.secret).await?;
    let (secret, slots) = (client.secret, &client.slots);
    let known = rotation.find(store, secret, slots, kept.as_ref());
    let known = known.await?;
    let shape = |login: &Login| Shape::wanted(&client.namespace, &login.password);
    let works = |login: &Login| users.get(&login.user) == Some(&shape(login));
    let free = || free_slot(slots, |slot| users.contains_key(slot));
    let login = match known {
        None => rotation.claim(store, secret, free(), 0).await?,
        // The Secret is lost, and so is what the claim was for: the user that is there is not touched, pods may use it.
        Some(Found {
            login,
            claimed_after: Some(after),
        }) if !works(&login) && users.contains_key(&login.user) => {
            let claim = rotation.claim(store, secret, free(), after.saturating_add(1));
            claim.await?
        }
        Some(Found { login, .. }) => {
            let other = other_slot(slots, &login.user);
            let after = Issue::epoch_of(kept.as_ref());
            let begun = rotation.takes_over(store, secret, other, after).await?;
            // One change at a time: the former user ends first.
            let due = begun || !users.contains_key(other) && rotation.is_due(kept.as_ref());
            if works(&login) && due {
                rotation.claim(store, secret, other, after).await?
            } else {
                login
            }
        }
    };
    let wanted = shape(&login);
    let set = users.get(&login.user) != Some(&wanted);
    if set {
        set_user(server, connection, &login.user, &wanted.rules()).await?;
    }
    let proof = subject((&server.host, server.port, login.password.expose_secret()));
    if set || !rotation.is_proved(kept.as_ref(), &keys(server, &login), &login, proof) {
        prove(server, client, &login).await?;
        rotation.proved(&login, proof);
    }
    let (issue, content) = rotation.seal(kept.as_ref(), keys(server, &login));
    let written = content.is_some();
    // A restart of the server must not forget whom the Secret names; who died before this has it still to do.
    if set || written {
        save(server, connection).await?;
    }
    if let Some(content) = content {
        store.keep(client.secret, content).await?;
    }
    rotation.remember(store, secret, &login, &issue).await?;
    let other = other_slot(slots, &login.user);
    let draining = if rotation
        .takes_over(store, secret, other, issue.epoch)
        .await?
    {
        Some(format!("{other} is about to take over"))
    } else if users.contains_key(other) {
        let waits = rotation.waits_for_pods(client.secret, other, &issue, written);
        match waits.await? {
            None => sessions::end(server, connection, other, &issue, rotation).await?,
            waits => waits,
        }
    } else {
        None
    };
    Ok(Settled {
        user: login.user,
        issue,
        draining,
    })
}

/// The content of the client's Secret, without what tells how it stands.
fn keys(server: &RedisServer, login: &Login) -> Keys {
    let mut keys = Keys::from([(
        "url".to_owned(),
        url(scheme(server), login, &server.host, server.port, ""),
    )]);
    if let Some(ca) = &server.ca_pem {
        keys.insert("ca.crt".to_owned(), SecretString::from(ca.clone()));
    }
    keys
}

/// Logs in as the client: its own keys answer, others' and other commands are refused.
async fn prove(server: &RedisServer, client: &ClientSpec, login: &Login) -> Result<(), StepError> {
    let (name, user) = (&client.namespace, &login.user);
    let wrong = |finding: String| {
        StepError::transient(
            Reason::BackendRefused,
            format!(
                "Redis at {}:{}: user {user} {finding}; check that nothing but the operator sets this user's rules",
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
            Err(error) => return Err(failed(server, &format!("proving user {user}"), &error)),
            Ok(_) => return Err(wrong(format!("may use {what}"))),
        }
    }
    Ok(())
}

/// Reads something.
async fn ask<T: redis::FromRedisValue>(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    doing: &str,
    command: &Cmd,
) -> Result<T, StepError> {
    let answer = command.query_async(connection).await;
    answer.map_err(|error| failed(server, doing, &error))
}

/// Does what `verb` and `object` tell by a command.
async fn change<T: redis::FromRedisValue + Send>(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    verb: &'static str,
    object: impl Into<String>,
    command: &Cmd,
) -> Result<T, StepError> {
    let act = Act::new(System::Redis, verb, object);
    let doing = act.doing();
    acts::act(&act, ask(server, connection, &doing, command)).await
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
    let mut categories = Categories::new();
    for category in Shape::categories(&answer) {
        let mut command = redis::cmd("ACL");
        command.arg("CAT").arg(&category);
        let doing = format!("reading category {category}");
        let commands = ask(server, connection, &doing, &command).await?;
        categories.insert(category, commands);
    }
    let shape = Shape::read(&answer, &categories).ok_or_else(|| {
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
    let object = "the users to the ACL file";
    change(server, connection, "saving", object, &command).await
}

/// Drops the users, which ends their connections; keeps or drops their keys by policy. What is kept is returned.
///
/// # Errors
/// `LeftBehind` when the server cannot be reached, with what is left there.
pub async fn release(
    cx: &Context,
    p: &ValidatedPlatform,
    policy: DeletionPolicy,
) -> Result<Left, StepError> {
    cx.administrators.redis_users.forget(&name(p));
    let ledger = Ledger::read(cx, p).await?;
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
    administrator::forget(&cx.administrators.redis, &p.redis, cx.clock.now());
    Ok(Left(left))
}

/// The part of [`release`] that knows nothing of Kubernetes. A user of that name that is not ours stays.
async fn drop_all(server: &RedisServer, listed: &[Thing], keep: bool) -> Result<(), StepError> {
    let mut connection = admin(server).await?;
    let of_kind = |kind| listed.iter().filter(move |thing| thing.kind == kind);
    for login in of_kind(Kind::Login) {
        let found = look(server, &mut connection, &login.name).await?;
        let ours = |user: &Shape| of_kind(Kind::Namespace).any(|keys| user.is_of(&keys.name));
        if found.as_ref().is_some_and(ours) {
            drop_user(server, &mut connection, &login.name).await?;
        }
    }
    // Also when none is left: who died before this has left them in the file, and a restart of the server would bring them
    // back to life with their passwords.
    if of_kind(Kind::Login).next().is_some() {
        match save(server, &mut connection).await {
            // Then nothing can come back.
            Err(error) if error.message.contains(NO_FILE) => {}
            done => done?,
        }
    }
    if keep {
        return Ok(());
    }
    for namespace in of_kind(Kind::Namespace) {
        drop_keys(server, &mut connection, &namespace.name).await?;
    }
    Ok(())
}

/// Sets the rules of a user.
async fn set_user(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    user: &str,
    rules: &[String],
) -> Result<(), StepError> {
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg(user).arg(rules);
    let object = format!("user {user}");
    change::<()>(server, connection, "setting", object, &command).await
}

/// Drops a user, which ends its connections.
async fn drop_user(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    user: &str,
) -> Result<(), StepError> {
    let mut command = redis::cmd("ACL");
    command.arg("DELUSER").arg(user);
    let object = format!("user {user}");
    change::<()>(server, connection, "dropping", object, &command).await
}

/// Drops every key of a namespace, some at a time, so that the server stays free for others.
async fn drop_keys(
    server: &RedisServer,
    connection: &mut MultiplexedConnection,
    namespace: &str,
) -> Result<(), StepError> {
    let mut cursor = 0_u64;
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor)
            .arg("MATCH")
            .arg(format!("{namespace}:*"))
            .arg("COUNT")
            .arg(1_000);
        let doing = format!("looking for the keys of {namespace}");
        let (next, keys): (u64, Vec<Vec<u8>>) = ask(server, connection, &doing, &scan).await?;
        if !keys.is_empty() {
            let mut unlink = redis::cmd("UNLINK");
            unlink.arg(keys);
            let object = format!("the keys of {namespace}");
            change::<u64>(server, connection, "dropping", object, &unlink).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
