//! On a real Redis with an ACL file: what is made, idle passes, what a user may do, restarts, crashes, deletion.

mod everybody;
mod lost;

use std::{path::PathBuf, sync::Arc, time::Duration};

use common_cache::{Cache, CacheConfig};
use common_clock::{Ids as _, SharedIds, SystemIds};
use common_config::SecretRef;
use common_events::{EventsConfig, MemoryBus, Transport, conformance, factory};
use redis::{AsyncTypedCommands as _, IntoConnectionInfo as _};
use secrecy::ExposeSecret as _;

use super::*;
use crate::{
    acts::{clerk::Clerk, witnessed},
    credentials::{
        cluster::{authority, told},
        memory::{Followers, MemoryStore, at_rest},
        overtaking::{kept, overtaking},
        read_login,
    },
    platform::validate::Tls,
    testing::Api,
    told::is_told,
};

/// One pass that logs in for itself.
async fn converge(
    server: &RedisServer,
    clients: &[ClientSpec],
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<RedisApplied, StepError> {
    super::converge(&Idle::default(), server, clients, store, rotation).await
}

/// A Platform of its own on the server of the tests.
struct Fixture {
    server: RedisServer,
    clients: [ClientSpec; 2],
    root: MultiplexedConnection,
}

impl Fixture {
    async fn new() -> Self {
        let mut server = match told("redis", "host") {
            Some(host) => on_the_cluster(host),
            None => of_the_environment(),
        };
        let mut root = admin(&server).await.unwrap();
        let tag = SystemIds.uuid().simple().to_string();
        server.username = format!("t-{}-admin", &tag[20..]);
        server.password = SecretString::from("p@ss:/word");
        let () = redis::cmd("ACL")
            .arg("SETUSER")
            .arg(&server.username)
            .arg(&["reset", "on", ">p@ss:/word", "~*", "&*", "+@all"])
            .query_async(&mut root)
            .await
            .unwrap();
        Self {
            server,
            clients: clients(&ExternalNames::of("tests", "redis", &tag)),
            root,
        }
    }

    async fn converge(&self, store: &mut MemoryStore) -> Result<RedisApplied, StepError> {
        converge(&self.server, &self.clients, store, &at_rest()).await
    }

    async fn client(
        &self,
        store: &MemoryStore,
        secret: &str,
    ) -> Result<MultiplexedConnection, String> {
        let login = read_login(&store.secrets[secret]).unwrap();
        log_in(&self.server, &login)
            .await
            .map_err(|refusal| match refusal {
                Refusal::Login(words) => words,
                Refusal::Other(error) => error.to_string(),
            })
    }

    async fn users(&mut self) -> Vec<String> {
        let mut command = redis::cmd("ACL");
        command.arg("USERS");
        let users: Vec<String> = command.query_async(&mut self.root).await.unwrap();
        let ours = |user: &String| {
            self.clients
                .iter()
                .any(|client| client.slots.contains(user))
        };
        users.into_iter().filter(ours).collect()
    }

    async fn clean(mut self, store: &MemoryStore) {
        let things: Vec<Thing> = store.things.keys().cloned().collect();
        drop_all(&self.server, &things, false).await.unwrap();
        let mut command = redis::cmd("ACL");
        command.arg("DELUSER").arg(&self.server.username);
        let _: Value = command.query_async(&mut self.root).await.unwrap();
    }
}

/// The local cluster's, with TLS.
fn on_the_cluster(host: String) -> RedisServer {
    let text = |key: &str| told("redis", key).unwrap();
    RedisServer {
        host,
        port: text("port").parse().unwrap(),
        username: text("admin"),
        password: SecretString::from(text("password")),
        ca_pem: authority("redis"),
        tls: Tls::Verify,
    }
}

/// The one of `CREWDECK_TEST_REDIS_URL`, where anybody may do everything.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told their server by the environment"
)]
fn of_the_environment() -> RedisServer {
    at(&std::env::var("CREWDECK_TEST_REDIS_URL").unwrap())
}

/// Of an address that lets everybody in.
fn at(url: &str) -> RedisServer {
    let info = url.into_connection_info().unwrap();
    let redis::ConnectionAddr::Tcp(host, port) = info.addr().clone() else {
        panic!("{url} is no TCP address");
    };
    RedisServer {
        host,
        port,
        username: "default".to_owned(),
        password: SecretString::from("any"),
        ca_pem: None,
        tls: Tls::Disabled,
    }
}

/// It is refused, since a restart would forget the users; what was begun there can be taken back all the same.
#[tokio::test]
async fn a_server_without_a_file_for_users_is_left_clean() {
    let redis = common_scratch::Redis::start_without_users_file().unwrap();
    let server = at(&redis.url());
    let clients = clients(&ExternalNames::of("tests", "redis", "forgetful"));
    let mut store = MemoryStore::default();
    let refused = converge(&server, &clients, &mut store, &at_rest()).await;
    let refused = refused.unwrap_err();
    is_told(Reason::BackendRefused, refused.reason.as_str());
    let listed: Vec<Thing> = store.things.keys().cloned().collect();
    for _ in 0..2 {
        drop_all(&server, &listed, true).await.unwrap();
    }
    let mut root = admin(&server).await.unwrap();
    let users: Vec<String> = redis::cmd("ACL")
        .arg("USERS")
        .query_async(&mut root)
        .await
        .unwrap();
    assert_eq!(users, ["default"]);
}

#[tokio::test]
async fn makes_both_users_once_and_mends_them() {
    let mut fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    assert_eq!(
        store.clients().into_iter().collect::<Vec<_>>(),
        ["redis-analytics", "redis-app"]
    );
    assert_eq!(fixture.users().await.len(), 2);
    let written = store.writes;
    fixture.converge(&mut store).await.unwrap();
    // In whatever words the server tells it: an idle pass sets nothing.
    for client in &fixture.clients {
        let login = read_login(&store.secrets[client.secret]).unwrap();
        let wanted = Shape::wanted(&client.namespace, &login.password);
        let mut root = fixture.root.clone();
        let found = look(&fixture.server, &mut root, &login.user).await.unwrap();
        assert_eq!(found, Some(wanted));
    }

    // A restart without the file, and a hand that gave too much.
    let [app, analytics] = fixture.clients.clone();
    for rules in [
        vec!["DELUSER", &app.namespace],
        vec!["SETUSER", &analytics.namespace, "+@all", "~*"],
    ] {
        let mut command = redis::cmd("ACL");
        command.arg(&rules);
        let _: Value = command.query_async(&mut fixture.root).await.unwrap();
    }
    fixture.converge(&mut store).await.unwrap();
    assert_eq!(store.writes, written, "the Secrets were written again");
    fixture.client(&store, "redis-app").await.unwrap();
    let mut analytics = fixture.client(&store, "redis-analytics").await.unwrap();
    let refused = analytics.get("anything").await.unwrap_err();
    assert_eq!(refused.code(), Some("NOPERM"));
    fixture.clean(&store).await;
}

#[tokio::test]
async fn a_user_is_shut_in() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let mut app = fixture.client(&store, "redis-app").await.unwrap();
    let (own, foreign) = (&fixture.clients[0].namespace, &fixture.clients[1].namespace);
    for (allowed, command) in [
        (true, vec!["PING".to_owned()]),
        (
            true,
            vec!["SETEX".into(), format!("{own}:a"), "60".into(), "1".into()],
        ),
        (
            true,
            vec![
                "SET".into(),
                format!("{own}:a"),
                "1".into(),
                "NX".into(),
                "EX".into(),
                "9".into(),
            ],
        ),
        (true, vec!["GETDEL".into(), format!("{own}:a")]),
        (true, vec!["INCR".into(), format!("{own}:n")]),
        (
            true,
            vec!["EXPIRE".into(), format!("{own}:n"), "9".into(), "NX".into()],
        ),
        (
            true,
            vec![
                "XADD".into(),
                format!("{own}:events"),
                "*".into(),
                "event".into(),
                "{}".into(),
            ],
        ),
        (
            true,
            vec![
                "XGROUP".into(),
                "CREATE".into(),
                format!("{own}:events"),
                "g".into(),
                "0".into(),
            ],
        ),
        (false, vec!["GET".into(), format!("{foreign}:a")]),
        (
            false,
            vec!["PUBLISH".into(), format!("{foreign}:channel"), "1".into()],
        ),
        (false, vec!["KEYS".into(), "*".into()]),
        (false, vec!["SCAN".into(), "0".into()]),
        (false, vec!["EVAL".into(), "return 1".into(), "0".into()]),
        (false, vec!["SELECT".into(), "1".into()]),
        (false, vec!["FLUSHALL".into()]),
        (
            false,
            vec![
                "XGROUP".into(),
                "DESTROY".into(),
                format!("{own}:events"),
                "g".into(),
            ],
        ),
    ] {
        let answer: RedisResult<Value> = redis::cmd(&command[0])
            .arg(&command[1..])
            .query_async(&mut app)
            .await;
        let refused = answer.as_ref().err().and_then(redis::RedisError::code) == Some("NOPERM");
        assert_eq!(!refused, allowed, "{command:?}: {answer:?}");
    }
    fixture.clean(&store).await;
}

/// Everything that our own clients do is allowed: the cache, and the transport with its whole conformance suite.
#[tokio::test]
async fn our_clients_work_with_what_is_allowed() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let url = SecretRef::from(store.secrets["redis-app"]["url"].expose_secret().to_owned());
    let ca_file = told("redis", "ca").map(PathBuf::from);
    let namespace = fixture.clients[0].namespace.clone();

    let cache = Cache::connect(&CacheConfig {
        url: url.clone(),
        ca_file: ca_file.clone(),
        namespace: namespace.clone(),
    })
    .await
    .unwrap();
    let minute = Duration::from_mins(1);
    cache.ping().await.unwrap();
    cache.set_ex("a", &1, minute).await.unwrap();
    assert_eq!(cache.get("a").await.unwrap(), Some(1));
    assert_eq!(cache.get_del("a").await.unwrap(), Some(1));
    assert!(cache.set_nx_ex("a", &2, minute).await.unwrap());
    assert!(cache.del("a").await.unwrap());
    assert_eq!(cache.incr_window("n", minute).await.unwrap(), 1);
    cache.decr_window("n", minute).await.unwrap();

    let ids: SharedIds = Arc::new(SystemIds);
    let config = EventsConfig {
        url: Some(url),
        ca_file,
        ..EventsConfig::new(Transport::Redis)
    };
    conformance::all(|| async {
        let config = EventsConfig {
            topic_prefix: format!("{namespace}:{}", ids.token(9)),
            ..config.clone()
        };
        let ends = factory(&config, &MemoryBus::default(), &ids).await;
        conformance::Fixture::from(ends.unwrap())
    })
    .await;
    fixture.clean(&store).await;
}

#[tokio::test]
async fn a_crash_at_any_write_is_recovered_from() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let mut crashes = 0;
    loop {
        store.dies_after = Some(store.writes + 1);
        match fixture.converge(&mut store).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.message, "killed here"),
        }
        crashes += 1;
    }
    assert!(crashes >= 2, "{crashes}");
    for secret in ["redis-app", "redis-analytics"] {
        fixture.client(&store, secret).await.unwrap();
    }
    fixture.clean(&store).await;
}

#[tokio::test]
async fn a_change_of_login_waits_for_its_pods_and_sessions() {
    let mut fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let slow = Followers(vec!["web-1".to_owned()]);
    let later = at_rest().now + at_rest().schedule.period;
    let due = Rotation {
        now: later,
        usage: &slow,
        ..at_rest()
    };
    let followed = Rotation {
        now: later,
        ..at_rest()
    };
    let mut former = fixture.client(&store, "redis-app").await.unwrap();
    let (server, clients) = (fixture.server.clone(), fixture.clients.clone());
    for _ in 0..2 {
        let applied = converge(&server, &clients, &mut store, &due).await.unwrap();
        let app = &applied.logins["redis-app"];
        assert_eq!(app.issue.at, later);
        assert!(app.draining.as_ref().unwrap().contains("web-1"), "{app:?}");
    }
    // Both work: the former one in its pods, the new one for those that have it.
    let key = format!("{}:both", clients[0].namespace);
    former.set_ex(&key, "1", 600).await.unwrap();
    let mut app = fixture.client(&store, "redis-app").await.unwrap();
    assert_eq!(app.get(&key).await.unwrap().as_deref(), Some("1"));

    let applied = converge(&server, &clients, &mut store, &followed)
        .await
        .unwrap();
    let words = applied.logins["redis-app"].draining.clone().unwrap();
    assert!(words.contains("1 connections"), "{words}");
    // It is still open when our patience ends, and at work: it is cut.
    assert_eq!(former.get(&key).await.unwrap().as_deref(), Some("1"));
    let patient = Rotation {
        now: later + chrono::TimeDelta::minutes(2),
        ..at_rest()
    };
    let applied = converge(&server, &clients, &mut store, &patient)
        .await
        .unwrap();
    assert!(
        applied
            .logins
            .values()
            .all(|login| login.draining.is_none())
    );
    assert_eq!(fixture.users().await.len(), 2);
    let cut = former.get(&key).await.unwrap_err();
    assert_eq!(cut.code(), None, "the server answered: {cut:?}");
    assert_eq!(app.get(&key).await.unwrap().as_deref(), Some("1"));
    fixture.clean(&store).await;
}

#[tokio::test]
async fn what_is_not_ours_is_not_touched() {
    let mut fixture = Fixture::new().await;
    let name = fixture.clients[0].slots[0].clone();
    let mut command = redis::cmd("ACL");
    command
        .arg("SETUSER")
        .arg(&name)
        .arg(&["reset", "on", ">x", "~other:*", "+get"]);
    let () = command.query_async(&mut fixture.root).await.unwrap();
    let mut store = MemoryStore::default();
    let error = fixture.converge(&mut store).await.unwrap_err();
    assert_eq!((error.reason, store.writes), (Reason::NotOurs, 0));
    assert!(error.message.contains(&name), "{error}");
    let things: Vec<Thing> = fixture.clients[0].things().collect();
    drop_all(&fixture.server, &things, false).await.unwrap();
    assert_eq!(fixture.users().await, std::slice::from_ref(&name));
    let mut command = redis::cmd("ACL");
    command.arg("DELUSER").arg(&name);
    let _: Value = command.query_async(&mut fixture.root).await.unwrap();
    fixture.clean(&store).await;
}

#[tokio::test]
async fn deletion_ends_the_users_and_keeps_or_drops_the_keys() {
    let mut fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let mut app = fixture.client(&store, "redis-app").await.unwrap();
    let key = format!("{}:kept", fixture.clients[0].namespace);
    app.set_ex(&key, "1", 600).await.unwrap();
    let listed: Vec<Thing> = store.things.keys().cloned().collect();

    drop_all(&fixture.server, &listed, true).await.unwrap();
    assert!(app.get(&key).await.is_err(), "a connection survived");
    assert!(fixture.client(&store, "redis-app").await.is_err());
    assert_eq!(fixture.users().await, Vec::<String>::new());
    assert_eq!(fixture.root.get(&key).await.unwrap().as_deref(), Some("1"));

    drop_all(&fixture.server, &listed, false).await.unwrap();
    assert_eq!(fixture.root.get(&key).await.unwrap(), None);
    fixture.clean(&store).await;
}

/// Who dropped a user and died has not saved that: the next one does, though it finds nothing to drop.
#[tokio::test]
async fn users_that_were_dropped_by_another_life_do_not_come_back() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let listed: Vec<Thing> = store.things.keys().cloned().collect();
    let dies = Arc::new(Clerk::preventing("saving"));
    let first = witnessed(dies.clone(), drop_all(&fixture.server, &listed, false));
    tokio::select! {
        ended = first => panic!("it did not die: {ended:?}"),
        () = dies.prevented() => {}
    }
    assert_eq!(dies.seen().len(), 2, "both users were dropped");
    let next = Arc::new(Clerk::default());
    let second = witnessed(next.clone(), drop_all(&fixture.server, &listed, false));
    second.await.unwrap();
    let saved = ("redis saving the users to the ACL file".to_owned(), true);
    assert_eq!(next.seen(), [saved]);
    fixture.clean(&store).await;
}

#[tokio::test]
async fn errors_name_the_server_and_the_remedy() {
    let mut fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    let admin = fixture.server.clone();
    fixture.server.password = SecretString::from("a-secret");
    let refused = fixture.converge(&mut store).await.unwrap_err();
    is_told(Reason::LoginRefused, refused.reason.as_str());
    fixture.server.port = 1;
    let gone = fixture.converge(&mut store).await.unwrap_err();
    is_told(Reason::BackendUnreachable, gone.reason.as_str());
    for error in [&refused, &gone] {
        assert!(
            error.message.contains(&admin.host) && error.message.contains("Secret"),
            "{error}"
        );
        assert!(
            !error.message.contains("a-secret") && !error.message.contains('\n'),
            "{error}"
        );
    }
    fixture.server = admin;
    fixture.clean(&store).await;
}

/// The Secret names a login that works, whatever two leaders did at once: at the first login and at the next one.
#[tokio::test]
async fn two_leaders_set_one_password() {
    let fixture = Fixture::new().await;
    let api = Api::default();
    for rotation in [at_rest(), due()] {
        overtaking(&api, async |store: &mut dyn Store| {
            let done = converge(&fixture.server, &fixture.clients, store, &rotation).await;
            done.map(drop)
        })
        .await;
        let login = read_login(&kept(&api, "redis-app").await).unwrap();
        let connected = log_in(&fixture.server, &login).await;
        assert!(connected.is_ok(), "the Secret names a dead login");
    }
    let things = clients_things(&fixture);
    let store = MemoryStore {
        things,
        ..MemoryStore::default()
    };
    fixture.clean(&store).await;
}

/// Who deletes a Secret gets it back with the login that was in it.
#[tokio::test]
async fn a_lost_secret_comes_back_as_it_was() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    let password = |store: &MemoryStore| {
        let login = read_login(&store.secrets["redis-app"]).unwrap();
        (login.user, login.password.expose_secret().to_owned())
    };
    let before = password(&store);
    store.secrets.clear();
    fixture.converge(&mut store).await.unwrap();
    assert_eq!(password(&store), before);
    let mut redis = fixture.client(&store, "redis-app").await.unwrap();
    let _: String = redis::cmd("PING").query_async(&mut redis).await.unwrap();
    fixture.clean(&store).await;
}

fn due() -> Rotation<'static> {
    let rest = at_rest();
    Rotation {
        now: rest.now + rest.schedule.period,
        ..rest
    }
}

fn clients_things(fixture: &Fixture) -> std::collections::BTreeMap<Thing, bool> {
    let things = fixture.clients.iter().flat_map(ClientSpec::things);
    things.map(|thing| (thing, true)).collect()
}

#[tokio::test]
async fn a_pass_goes_on_with_the_connection_of_the_one_before_while_it_lives() {
    let mut fixture = Fixture::new().await;
    let (idle, now) = (Idle::default(), at_rest().now);
    let mut store = MemoryStore::default();
    let mut lives = Vec::new();
    for _ in 0..3 {
        let done = super::converge(
            &idle,
            &fixture.server,
            &fixture.clients,
            &mut store,
            &at_rest(),
        )
        .await;
        done.unwrap();
        let mut next = administrator::take(&idle, &fixture.server, now)
            .await
            .unwrap();
        let mut command = redis::cmd("CLIENT");
        let id: u64 = command.arg("ID").query_async(&mut *next).await.unwrap();
        idle.put(next, now);
        lives.push(id);
        if lives.len() == 2 {
            let mut command = redis::cmd("CLIENT");
            command.arg("KILL").arg("ID").arg(id);
            let ended: u64 = command.query_async(&mut fixture.root).await.unwrap();
            assert_eq!(ended, 1);
        }
    }
    assert!(lives[0] == lives[1] && lives[1] != lives[2], "{lives:?}");
    fixture.clean(&store).await;
}
