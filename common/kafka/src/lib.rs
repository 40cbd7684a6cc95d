//! One place that knows how a Kafka cluster is reached. Producers and consumers are `common/events`; this crate only
//! gives them the settings.

mod config;
mod error;

pub use config::KafkaConfig;
pub use error::KafkaError;
