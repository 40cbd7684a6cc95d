//! Every broker has to let the login in. On a cluster in this process: brokers of the client's own library, which take any login.

use std::net::TcpListener;

use rdkafka::mocking::MockCluster;

use super::*;

fn as_client(bootstrap_servers: String) -> Connection {
    Connection {
        bootstrap_servers,
        username: Some("demo-app".to_owned()),
        ..Connection::default()
    }
}

/// What is said where the proof fails because a broker does not answer.
async fn refusal(login: &Connection, brokers: &[Broker]) -> String {
    let refused = prove(login, brokers, &Expected::default()).await;
    let error = refused.expect_err("one broker lets nobody in");
    assert!(matches!(error, KafkaError::Unreachable { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn a_login_is_proved_only_when_the_last_of_the_brokers_lets_it_in() {
    let cluster = MockCluster::new(2).expect("a cluster");
    let login = as_client(cluster.bootstrap_servers());
    let admin = Admin::connect(&login).await.expect("logged in");
    let brokers = admin.brokers().await.expect("the brokers");
    assert_eq!(brokers.len(), 2, "{brokers:?}");
    prove(&login, &brokers, &Expected::default())
        .await
        .expect("both let it in");

    // The cluster named it, and it is away by now.
    cluster.broker_down(brokers[1].id).expect("away");
    let words = refusal(&login, &brokers).await;
    let at = |broker: &Broker| format!("demo-app at {}", broker.address);
    assert!(words.contains(&at(&brokers[1])), "{words}");
    assert!(!words.contains(&at(&brokers[0])), "{words}");
    prove(&login, &brokers[..1], &Expected::default())
        .await
        .expect("the other one still lets it in");
}

#[tokio::test]
async fn a_broker_that_says_nothing_is_not_waited_for_without_an_end() {
    let cluster = MockCluster::new(1).expect("a cluster");
    let login = as_client(cluster.bootstrap_servers());
    let admin = Admin::connect(&login).await.expect("logged in");
    let mut brokers = admin.brokers().await.expect("the brokers");
    // The system takes connections for it, and nobody reads what comes.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    brokers.push(Broker {
        id: 2,
        address: address.clone(),
    });
    let words = refusal(&login, &brokers).await;
    assert!(words.contains(&format!("demo-app at {address}")), "{words}");
}
