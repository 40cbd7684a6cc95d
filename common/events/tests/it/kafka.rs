//! The conformance suite on a real Kafka, with its login and TLS.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use common_clock::{SharedIds, SystemIds};
use common_events::{EventsConfig, MemoryBus, Topic, Transport, conformance, factory};
use common_kafka::KafkaConfig;
use common_kafka::admin::{Admin, TopicSpec};

/// Topics are made beforehand, as in production: the cluster makes none by itself.
async fn make_topics(admin: &Admin, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for topic in Topic::ALL {
        for (name, partitions) in [(topic.as_str(), 3), (topic.dead_letter(), 1)] {
            let name = format!("{prefix}.{name}");
            let spec = TopicSpec {
                name: name.clone(),
                partitions,
                replicas: -1,
                config: Vec::new(),
            };
            admin.create_topic(&spec).await.expect("a new topic");
            names.push(name);
        }
    }
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_kafka() {
    let directory = PathBuf::from(crate::env("CREWDECK_TEST_KAFKA_DIR"));
    let connection = KafkaConfig::directory(&directory).connection();
    let admin = Admin::connect(&connection.expect("a login"))
        .await
        .expect("the cluster of the test takes the login");
    let ids: SharedIds = Arc::new(SystemIds);
    let made = Mutex::new(Vec::new());
    conformance::all(|| async {
        let prefix = format!("test-{}", ids.token(9));
        let names = make_topics(&admin, &prefix).await;
        made.lock().expect("nobody panicked").extend(names);
        let config = EventsConfig {
            kafka_directory: Some(directory.clone()),
            topic_prefix: prefix,
            ..EventsConfig::new(Transport::Kafka)
        };
        let ends = factory(&config, &MemoryBus::default(), &ids).await;
        conformance::Fixture::from(ends.expect("a client of the cluster"))
    })
    .await;
    for name in made.into_inner().expect("nobody panicked") {
        admin.delete_topic(&name).await.expect("deleted");
    }
}
