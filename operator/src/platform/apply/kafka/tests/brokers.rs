//! A cluster of more brokers than the one that the tests have: a login has to work at each before pods are given it.

use std::net::TcpListener;

use super::*;
use crate::credentials::Claims;

/// The cluster names a broker that lets nobody in. A pod that came to it with the new login would be refused: no Secret is
/// written, and the condition names the broker.
#[tokio::test]
async fn no_secret_is_written_before_every_broker_lets_the_login_in() {
    let fixture = Fixture::new().await;
    let mut store = MemoryStore::default();
    fixture.converge(&mut store).await.unwrap();
    // As at its first login: topics and rights are there, and nobody has a password.
    let client = &fixture.wanted.clients[0];
    for user in &client.slots {
        fixture.admin.delete_login(user).await.unwrap();
    }
    store.secrets.clear();
    store.claims = Claims::default();
    let users = users::look(&fixture.admin, &fixture.wanted, &store)
        .await
        .unwrap();

    let connection = connection(&fixture.cluster);
    let one = fixture.admin.brokers().await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let mut both = one.clone();
    both.push(Broker {
        id: 1_000,
        address: address.clone(),
    });
    let both = users::Cluster {
        connection: &connection,
        admin: &fixture.admin,
        brokers: &both,
    };
    let alone = users::Cluster {
        brokers: &one,
        ..both
    };
    let rotation = at_rest();
    let settled = users::settle(
        &both,
        &fixture.wanted,
        client,
        &users,
        &mut store,
        &rotation,
    );
    let error = settled.await.unwrap_err();
    assert_eq!(error.reason, Reason::BackendUnreachable, "{error}");
    let broker = format!("{} at {address}", client.slots[0]);
    assert!(error.message.contains(&broker), "{error}");
    assert!(store.secrets.is_empty(), "{:?}", store.clients());

    // The broker is gone from the cluster: the login that was claimed becomes the Secret's.
    let users = users::look(&fixture.admin, &fixture.wanted, &store)
        .await
        .unwrap();
    let settled = users::settle(
        &alone,
        &fixture.wanted,
        client,
        &users,
        &mut store,
        &rotation,
    );
    assert_eq!(settled.await.unwrap().user, client.slots[0]);
    assert_eq!(
        store.clients().into_iter().collect::<Vec<_>>(),
        ["kafka-app"]
    );
    fixture.client(&store, "kafka-app").await.unwrap();
    fixture.clean().await;
}
