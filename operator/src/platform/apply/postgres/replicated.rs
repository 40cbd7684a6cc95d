//! On the local cluster's PostgreSQL: TLS, an administrator who is no superuser, a streaming replica.

use chrono::TimeDelta;
use common_clock::{Ids as _, SystemIds};
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::{
    credentials::{
        cluster::{authority, told},
        memory::{MemoryStore, at_rest},
        read_login,
    },
    platform::{
        apply::postgres::{
            server::{Refusal, admin, close, log_in, replica},
            tests::converge,
        },
        validate::Tls,
    },
};

fn server() -> PostgresServer {
    let text = |key: &str| told("postgres", key).expect("CREWDECK_STATUS is set");
    PostgresServer {
        host: text("host"),
        port: text("port").parse().unwrap(),
        replica: Some((text("replica_host"), text("replica_port").parse().unwrap())),
        username: text("admin"),
        password: SecretString::from(text("password")),
        database: "postgres".to_owned(),
        ca_pem: authority("postgres"),
        tls: Tls::Verify,
    }
}

#[tokio::test]
async fn readers_reach_the_replica_and_nothing_else() {
    let server = server();
    let tag = SystemIds.uuid().simple().to_string();
    let names = Names::of(&format!("t_{}", &tag[20..]), "tests", "replicated");
    let mut store = MemoryStore::default();
    converge(&server, &names, &mut store, &at_rest())
        .await
        .unwrap();
    let written = store.writes;
    let applied = converge(&server, &names, &mut store, &at_rest())
        .await
        .unwrap();
    assert_eq!(store.writes, written, "an idle pass wrote");
    assert_eq!(applied.lagging, None);

    let follower = replica(&server).unwrap();
    let url = store.secrets["db-analytics-reader"]["url"]
        .expose_secret()
        .to_owned();
    assert!(
        url.contains(&format!(
            "@{follower}/{}?sslmode=verify-full",
            names.database
        )),
        "{url}"
    );
    let reader = read_login(&store.secrets["db-analytics-reader"]).unwrap();
    let refused = log_in(&server, primary(&server), &reader, &names.database).await;
    assert!(
        matches!(refused, Err(Refusal::Login(_))),
        "the primary lets the reader in"
    );
    let app = read_login(&store.secrets["db-app"]).unwrap();
    for at in [primary(&server), follower] {
        let connected = log_in(&server, at, &app, &names.database).await;
        close(connected.ok().unwrap()).await;
    }

    let listed: Vec<_> = store.things.keys().cloned().collect();
    let left = release::release(&server, |marker| marker == names.marker, listed, false)
        .await
        .unwrap()
        .left;
    assert_eq!(left, []);
}

/// By a measure that no replica can keep.
#[tokio::test]
async fn a_replica_that_is_further_behind_than_it_may_be_is_told() {
    let server = server();
    let at = replica(&server).unwrap();
    let mut follower = admin(&server, at, &server.database).await.unwrap();
    let mut told = async |seconds| {
        let told = lag::excess(&mut follower, at, TimeDelta::seconds(seconds)).await;
        told.unwrap()
    };
    assert_eq!(told(60).await, None);
    let words = told(-1).await.unwrap();
    for part in [&at.to_string(), "maximumReplicaLagSeconds", "paused"] {
        assert!(words.contains(part), "{words}");
    }
    close(follower).await;
}

/// A password that somebody changed is found in the next regular pass, and not by one between.
#[tokio::test]
async fn a_proof_counts_between_two_regular_passes() {
    let server = server();
    let tag = SystemIds.uuid().simple().to_string();
    let names = Names::of(&format!("t_{}", &tag[20..]), "tests", "proved");
    let mut store = MemoryStore::default();
    let after = |seconds| Rotation {
        now: at_rest().now + TimeDelta::seconds(seconds),
        belief: Belief::of(true).at_most(BETWEEN),
        ..at_rest()
    };
    converge(&server, &names, &mut store, &after(0))
        .await
        .unwrap();
    let app = read_login(&store.secrets["db-app"]).unwrap();
    let works = async || {
        log_in(&server, primary(&server), &app, &names.database)
            .await
            .is_ok()
    };
    assert!(works().await);
    let mut root = admin(&server, primary(&server), &server.database)
        .await
        .ok()
        .unwrap();
    let sql = format!("alter role \"{}\" password 'other'", app.user);
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
        .execute(&mut root)
        .await
        .unwrap();
    converge(&server, &names, &mut store, &after(5))
        .await
        .unwrap();
    assert!(!works().await, "it was proved again");
    converge(&server, &names, &mut store, &after(60))
        .await
        .unwrap();
    assert!(works().await, "it was not proved again");
    close(root).await;

    let listed: Vec<_> = store.things.keys().cloned().collect();
    let marker = |marker: &str| marker == names.marker;
    let released = release::release(&server, marker, listed, false).await;
    assert_eq!(released.unwrap().left, []);
}

/// A certificate of another authority is no server of ours.
#[tokio::test]
async fn a_server_of_another_authority_is_not_trusted() {
    let mut server = server();
    let names = Names::of("t_none", "tests", "none");
    server.ca_pem = None;
    let error = converge(&server, &names, &mut MemoryStore::default(), &at_rest())
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::BackendUnreachable);
    assert!(error.message.contains("ca.crt"), "{error}");
}
