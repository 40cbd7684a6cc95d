//! The store in Kubernetes, on an API server in memory.

use k8s_openapi::api::core::v1::Secret;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::{
    platform::{
        apply::ledger::{Kind, Ledger},
        validate::sample::sample,
    },
    testing::Api,
};

fn thing(name: &str) -> Thing {
    Thing::new(Server::Redis, Kind::Login, name)
}

#[tokio::test]
async fn the_ledger_survives_two_leaders_and_is_written_only_when_it_changes() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let ours = Ledger::read(&cx, &p).await.unwrap();
    let theirs = Ledger::read(&cx, &p).await.unwrap();
    ours.intend(&cx, &p, &[thing("a")]).await.unwrap();
    // Read before the other wrote: refused by the API server, read again, written again.
    theirs.intend(&cx, &p, &[thing("b")]).await.unwrap();
    ours.made(&cx, &p, Server::Redis).await.unwrap();
    let read = Ledger::read(&cx, &p).await.unwrap();
    assert_eq!(read.on(Server::Redis), [thing("a"), thing("b")]);

    let writes = api.writes();
    read.intend(&cx, &p, &[thing("a"), thing("b")])
        .await
        .unwrap();
    assert_eq!(api.writes(), writes);
    read.dropped(&cx, &p, &[thing("a")]).await.unwrap();
    assert_eq!(
        Ledger::read(&cx, &p).await.unwrap().on(Server::Redis),
        [thing("b")]
    );
}

/// Those who work on the three servers write the same objects at the same time, and are in nobody's way.
#[tokio::test]
async fn three_writers_of_one_pass_have_no_conflict() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    let reads = api.reads();
    let work = async |server: Server| {
        let mut store = KubeStore::new(&cx, &p, &ledger);
        let own = Thing::new(server, Kind::Login, "a");
        store.intend(std::slice::from_ref(&own)).await.unwrap();
        let claim = Claim {
            password: SecretString::from("p"),
            after: 0,
        };
        let client = format!("{server:?}");
        store.claim(&client, "a", claim).await.unwrap();
        store.made(server).await.unwrap();
        assert!(store.knows(&own));
    };
    tokio::join!(
        work(Server::Postgres),
        work(Server::Redis),
        work(Server::Kafka)
    );
    // Three intentions, three claims, and three that are made.
    assert_eq!((api.asked(), api.writes()), (9, 9));
    // Of the claims, before each of them: another leader may have claimed it.
    assert_eq!(api.reads() - reads, 3);
    let mut store = KubeStore::new(&cx, &p, &ledger);
    let claims = store.claims().await.unwrap();
    for server in [Server::Postgres, Server::Redis, Server::Kafka] {
        assert!(claims.of(&format!("{server:?}"), "a", 0).is_some());
        assert_eq!(ledger.on(server).len(), 1);
    }
}

#[tokio::test]
async fn a_ledger_that_was_deleted_is_written_again() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    ledger.intend(&cx, &p, &[thing("a")]).await.unwrap();
    api.meanwhile(BTreeMap::clear);
    ledger.intend(&cx, &p, &[thing("b")]).await.unwrap();
    assert_eq!(
        Ledger::read(&cx, &p).await.unwrap().on(Server::Redis),
        [thing("b")]
    );
}

#[tokio::test]
async fn a_damaged_ledger_stops_everything() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    ledger.intend(&cx, &p, &[thing("a")]).await.unwrap();
    let path = format!(
        "/api/v1/namespaces/{}/configmaps/{}-external",
        p.namespace, p.name
    );
    assert!(api.object(&path).is_some());
    api.meanwhile(move |objects| {
        let object = objects.get_mut(&path).unwrap();
        object["data"] = json!({"ledger.json": "{"});
        object["metadata"]["resourceVersion"] = json!("other");
    });
    let error = ledger.intend(&cx, &p, &[thing("b")]).await.unwrap_err();
    assert!(
        error.message.contains("damaged") && error.message.contains("-external"),
        "{error}"
    );
}

#[tokio::test]
async fn a_secret_is_owned_by_the_platform_and_read_back() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    let mut store = KubeStore::new(&cx, &p, &ledger);
    assert!(store.secret("redis-app").await.unwrap().is_none());
    let keys = |epoch: &str| {
        Keys::from([
            ("url".to_owned(), SecretString::from("redis://u:p@h:1/")),
            ("epoch".to_owned(), SecretString::from(epoch)),
        ])
    };
    for epoch in ["1", "2"] {
        store.keep("redis-app", keys(epoch)).await.unwrap();
    }
    let read = store.secret("redis-app").await.unwrap().unwrap();
    assert_eq!(read_login(&read).unwrap().user, "u");
    assert_eq!(read["epoch"].expose_secret(), "2");
    let path = format!(
        "/api/v1/namespaces/{}/secrets/{}-redis-app",
        p.namespace, p.name
    );
    let secret: Secret = serde_json::from_value(api.object(&path).unwrap()).unwrap();
    let owners = secret.metadata.owner_references.unwrap();
    assert_eq!((owners.len(), &owners[0].uid), (1, &p.uid));
}

#[tokio::test]
async fn a_secret_that_changed_since_it_was_looked_at_is_not_replaced() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let keys = |url: &str| Keys::from([("url".to_owned(), SecretString::from(url))]);
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    let mut slow = KubeStore::new(&cx, &p, &ledger);
    let mut fast = KubeStore::new(&cx, &p, &ledger);
    assert!(slow.secret("redis-app").await.unwrap().is_none());
    assert!(fast.secret("redis-app").await.unwrap().is_none());
    fast.keep("redis-app", keys("redis://u:fast@h:1/"))
        .await
        .unwrap();
    let late = slow.keep("redis-app", keys("redis://u:slow@h:1/")).await;
    assert!(late.is_err(), "{late:?}");

    // The same for one that was there.
    slow.secret("redis-app").await.unwrap().unwrap();
    fast.secret("redis-app").await.unwrap().unwrap();
    fast.keep("redis-app", keys("redis://u:faster@h:1/"))
        .await
        .unwrap();
    let late = slow.keep("redis-app", keys("redis://u:slow@h:1/")).await;
    assert!(late.is_err(), "{late:?}");
    let kept = slow.secret("redis-app").await.unwrap().unwrap();
    assert_eq!(kept["url"].expose_secret(), "redis://u:faster@h:1/");
}

#[tokio::test]
async fn what_somebody_else_made_is_left_as_it_is() {
    let api = Api::default();
    let (cx, p) = (api.context(), sample());
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    let mut store = KubeStore::new(&cx, &p, &ledger);
    store.intend(&[thing("a")]).await.unwrap();
    let keys = || Keys::from([("url".to_owned(), SecretString::from("redis://u:p@h:1/"))]);
    store.keep("redis-app", keys()).await.unwrap();
    for path in ["secrets/{}-redis-app", "configmaps/{}-external"] {
        let path = path.replace("{}", &p.name);
        api.put(
            &format!("/api/v1/namespaces/{}/{path}", p.namespace),
            |object| {
                object["metadata"]["labels"] = json!({});
                object["metadata"]["ownerReferences"] = json!([]);
            },
        );
    }
    let writes = api.writes();
    let ledger = Ledger::read(&cx, &p).await.unwrap();
    let mut store = KubeStore::new(&cx, &p, &ledger);
    let refusals = [
        store.secret("redis-app").await.map(drop),
        store.keep("redis-app", keys()).await,
        store.intend(&[thing("b")]).await,
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err();
        assert_eq!(error.reason, crds::Reason::NotOurs, "{error}");
    }
    assert_eq!(api.writes(), writes);
}
