//! One place that knows how a Kafka cluster is reached and administered. Producers and consumers are `common/events`;
//! this crate gives them the settings, and the operator topics, users, rights and the proof that a login works.

pub mod admin;
mod authorities;
mod config;
mod connection;
mod error;
mod login;
pub mod prove;

pub use config::KafkaConfig;
pub use connection::Connection;
pub use error::KafkaError;
pub use rdkafka::error::RDKafkaErrorCode;
