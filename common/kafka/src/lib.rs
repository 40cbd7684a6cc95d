//! One place that knows how a Kafka cluster is reached, and what an administrator may ask of it.
//!
//! Producers and consumers are `common/events`; this crate only gives them the settings. The one crate with unsafe code:
//! `raw.rs`, for the calls of librdkafka that rdkafka does not wrap.

mod config;
mod error;

pub use config::KafkaConfig;
pub use error::KafkaError;
