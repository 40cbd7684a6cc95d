//! The conformance suite on a real RabbitMQ.

use std::sync::Arc;

use common_clock::{SharedIds, SystemIds};
use common_config::SecretRef;
use common_events::{EventsConfig, MemoryBus, Transport, conformance, factory};

#[tokio::test]
async fn conformance_rabbitmq() {
    let url = crate::env("CREWDECK_TEST_RABBITMQ_URL");
    let ids: SharedIds = Arc::new(SystemIds);
    conformance::all(|| async {
        let config = EventsConfig {
            url: Some(SecretRef::from(url.clone())),
            topic_prefix: format!("test-{}", ids.token(9)),
            ..EventsConfig::new(Transport::Rabbitmq)
        };
        let ends = factory(&config, &MemoryBus::default(), &ids).await;
        conformance::Fixture::from(ends.expect("the broker of the test answers"))
    })
    .await;
}
