//! What can go wrong with Kafka.

use std::path::PathBuf;

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
}
