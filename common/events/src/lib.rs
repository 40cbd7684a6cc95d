//! Events between the parts of the platform: recorded in the transaction that makes them true, published at least
//! once, in order per entity, and applied once.
//!
//! ```text
//! producer ─▶ outbox (transaction) ─▶ relay ─▶ EventPublisher ─▶ broker ─▶ Subscription ─▶ consume ─▶ inbox + effect
//! ```
//!
//! Domain code names neither broker nor topic: its payload type carries the topic, the configuration picks the backend.

mod backends;
mod config;
#[cfg(feature = "testing")]
pub mod conformance;
mod consume;
mod envelope;
mod error;
mod factory;
mod metrics;
mod outgoing;
pub mod relay;
pub mod schema;
mod store;
mod topic;
mod transport;

pub use backends::memory::MemoryBus;
pub use config::{EventsConfig, NoBroker, Transport};
pub use consume::{Handle, HandleError, MAX_ATTEMPTS, consume};
pub use envelope::Envelope;
pub use error::EventError;
pub use factory::{Ends, factory};
pub use outgoing::{EventPayload, MAX_PAYLOAD_BYTES, Outgoing};
pub use schema::EventSchema;
pub use store::{inbox, outbox};
pub use topic::{Group, Topic};
pub use transport::{
    ChangingLogin, Delivery, EventPublisher, EventSubscriber, Failure, Subscription,
};
