//! The conformance suite on a real Redis.

use std::sync::Arc;

use common_clock::{SharedIds, SystemIds};
use common_config::SecretRef;
use common_events::{EventsConfig, MemoryBus, Transport, conformance, factory};

#[tokio::test]
async fn conformance_redis() {
    let url = crate::env("CREWDECK_TEST_REDIS_URL");
    let ids: SharedIds = Arc::new(SystemIds);
    conformance::all(|| async {
        let config = EventsConfig {
            url: Some(SecretRef::from(url.clone())),
            topic_prefix: format!("test-{}", ids.token(9)),
            ..EventsConfig::new(Transport::Redis)
        };
        let ends = factory(&config, &MemoryBus::default(), &ids).await;
        conformance::Fixture::from(ends.expect("the Redis of the test answers"))
    })
    .await;
}
