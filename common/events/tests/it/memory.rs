//! The conformance suite on the memory bus.

use std::sync::Arc;

use common_events::{MemoryBus, conformance};

#[tokio::test]
async fn conformance_memory() {
    conformance::all(|| async {
        let bus = MemoryBus::default();
        conformance::Fixture {
            publisher: Arc::new(bus.clone()),
            subscriber: Arc::new(bus),
        }
    })
    .await;
}
