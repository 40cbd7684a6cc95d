//! On the mock cluster of the client library.

use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};

use super::*;
use crate::conformance::{self, Fixture};

type Cluster = MockCluster<'static, DefaultProducerContext>;

#[tokio::test(flavor = "multi_thread")]
async fn conformance_kafka_mock() {
    let cluster = MockCluster::new(1).unwrap();
    let prefixes = std::sync::atomic::AtomicU32::new(0);
    conformance::all(|| async {
        let prefix = format!(
            "mock{}",
            prefixes.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        );
        let kafka = Arc::new(on(&cluster, &prefix));
        Fixture {
            publisher: Arc::clone(&kafka) as _,
            subscriber: kafka,
        }
    })
    .await;
}

/// Topics of a prefix, and a client of them.
fn on(cluster: &Cluster, prefix: &str) -> Kafka {
    for channel in Topic::ALL
        .into_iter()
        .flat_map(|topic| [Channel::live(topic), Channel::dead(topic)])
    {
        cluster
            .create_topic(&channel.name(prefix), 3, 1)
            .expect("a new topic");
    }
    let mut base = ClientConfig::new();
    base.set("bootstrap.servers", cluster.bootstrap_servers());
    // The mock moves partitions at heartbeats and session time-outs; the defaults are those of a data centre.
    base.set("heartbeat.interval.ms", "100")
        .set("session.timeout.ms", "6000");
    Kafka::new(KafkaConfig::default(), base, prefix).expect("clients")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_loses_nothing_and_doubles_nothing() {
    let cluster = MockCluster::new(1).unwrap();
    let kafka = on(&cluster, "turn");
    let entity = uuid::Uuid::from_u128(7);
    let events: Vec<Envelope> = (1..=30)
        .map(|version| conformance::event(entity, version))
        .collect();
    let topic = Topic::TaskEvents;
    let mut group = kafka
        .subscribe(&[topic], Group::Shared("turn"))
        .await
        .unwrap();
    let mut all = kafka.subscribe(&[topic], Group::Broadcast).await.unwrap();
    assert_eq!(kafka.epoch(), 0);
    let mut seen = [Vec::new(), Vec::new()];
    for (turn, batch) in (1..).zip(events.chunks(10)) {
        kafka.publish(topic, batch).await.unwrap();
        for _ in 0..batch.len() {
            for (subscription, seen) in [&mut group, &mut all].into_iter().zip(&mut seen) {
                let delivery = subscription.next().await.expect("the next event");
                seen.push(delivery.envelope.id);
                delivery.ack().await.unwrap();
            }
        }
        kafka.login.turn();
        kafka.producer.renew(&kafka.login);
        assert_eq!(
            kafka.epoch(),
            turn - 1,
            "a consumer is asked for nothing yet"
        );
        // Asked for the next one, they change; that there is none yet changes nothing.
        for subscription in [&mut group, &mut all] {
            let idle = tokio::time::timeout(Duration::from_millis(300), subscription.next());
            assert!(idle.await.is_err(), "an event came twice");
        }
        assert_eq!(kafka.epoch(), turn);
    }
    let expected: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(seen, [expected.clone(), expected]);
}
