//! What can go wrong with Kafka.

use std::path::PathBuf;

use rdkafka::types::RDKafkaErrorCode;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// A setting is missing or contradicts another.
    #[error("kafka configuration: {0}")]
    Config(String),
    /// A file with a setting cannot be read.
    #[error("kafka configuration: {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The client or the cluster failed at a call as a whole.
    #[error("{doing}: {source}{hint}")]
    Client {
        /// What we were doing, `creating topic demo.task-events`.
        doing: String,
        /// The client's own error.
        #[source]
        source: rdkafka::error::KafkaError,
        /// What the client reported by itself: the reason of a refused login is only there. Starts with a separator.
        hint: String,
    },
    /// The cluster refused one of the things that were asked for.
    #[error("{doing}: {code:?}: {reason}{hint}")]
    Refused {
        /// What we were doing.
        doing: String,
        /// The broker's code.
        code: RDKafkaErrorCode,
        /// The broker's words, empty if it gave none.
        reason: String,
        /// As of `Client`.
        hint: String,
    },
    /// The cluster did not answer in time.
    #[error("{doing}: no answer within {seconds} s{hint}")]
    Timeout {
        /// What we were doing.
        doing: String,
        /// How long it was waited for.
        seconds: u64,
        /// As of `Client`.
        hint: String,
    },
}
