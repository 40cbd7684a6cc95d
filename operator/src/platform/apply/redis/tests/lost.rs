//! A user that a server has lost is missed by a look that is far cheaper than a pass.

use super::*;
use crate::platform::apply::redis::lost::{self, InUse};

#[tokio::test]
async fn whose_users_a_server_has_lost_is_told_once_until_they_are_seen_again() {
    let redis = common_scratch::Redis::start().unwrap();
    let server = at(&redis.url());
    let now = at_rest().now;
    let (in_use, idle) = (InUse::default(), Idle::default());
    let mut root = admin(&server).await.unwrap();
    let mut stores: Vec<_> = ["one", "two"]
        .map(|name| {
            let names = ExternalNames::of("tests", "redis", name);
            (name, clients(&names), MemoryStore::default())
        })
        .into();
    let name = |name: &str| ("crewdeck".to_owned(), name.to_owned());
    for (platform, clients, store) in &mut stores {
        let applied = converge(&server, clients, store, &at_rest()).await.unwrap();
        assert_eq!(applied.users().len(), 2);
        in_use.seen(&server, name(platform), applied.users(), now);
    }
    let look = async |now| lost::look(&in_use, &idle, now).await;
    assert!(look(now).await.is_empty(), "nothing is missing");

    let (_, clients, store) = &mut stores[1];
    let mut command = redis::cmd("ACL");
    command.arg("DELUSER").arg(&clients[0].slots[0]);
    let () = command.query_async(&mut root).await.unwrap();
    assert_eq!(look(now).await, [name("two")]);
    assert!(look(now).await.is_empty(), "its pass knows by now");
    let before = store.secrets["redis-app"]["url"].expose_secret().to_owned();
    let applied = converge(&server, clients, store, &at_rest()).await.unwrap();
    in_use.seen(&server, name("two"), applied.users(), now);
    assert!(look(now).await.is_empty(), "it is back");
    assert_eq!(store.secrets["redis-app"]["url"].expose_secret(), before);

    // Of one that is deleted, moved, or not looked at any more, nothing is missed.
    for (_, clients, _) in &stores {
        let mut command = redis::cmd("ACL");
        command.arg("DELUSER").arg(&clients[0].slots[0]);
        let () = command.query_async(&mut root).await.unwrap();
    }
    in_use.forget(&name("one"));
    assert!(look(now + chrono::TimeDelta::minutes(5)).await.is_empty());
    let elsewhere = RedisServer {
        port: 1,
        ..server.clone()
    };
    in_use.seen(&server, name("two"), vec!["lost".to_owned()], now);
    in_use.seen(&elsewhere, name("two"), vec!["lost".to_owned()], now);
    assert!(look(now).await.is_empty(), "a server that does not answer");
}
