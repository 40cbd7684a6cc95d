//! What can go wrong with Kafka.

use std::path::PathBuf;

use rdkafka::error::RDKafkaErrorCode;

/// An error of this crate. None of them holds a password.
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
    /// The brokers refused the login.
    #[error("kafka refused the login of {who}: {reason}")]
    LoginRefused {
        /// `user at host:port`.
        who: String,
        /// The broker's words.
        reason: String,
    },
    /// No broker answered.
    #[error("kafka does not answer ({who}): {reason}")]
    Unreachable {
        /// `user at host:port`.
        who: String,
        /// The client's words.
        reason: String,
    },
    /// A request was refused or failed.
    #[error("{doing}: {reason}")]
    Request {
        /// What was tried, `creating topic demo.task-events`.
        doing: String,
        /// The broker's code.
        code: RDKafkaErrorCode,
        /// The broker's words.
        reason: String,
    },
    /// A login works but may do too little or too much.
    #[error("{who}: {finding}")]
    Rights {
        /// `user at host:port`.
        who: String,
        /// What it may not do and must, or the other way round.
        finding: String,
    },
}

impl KafkaError {
    /// A request's error by its code alone.
    pub(crate) fn request(doing: impl Into<String>, code: RDKafkaErrorCode) -> Self {
        Self::Request {
            doing: doing.into(),
            reason: code.to_string(),
            code,
        }
    }

    /// The broker's code, of an error that has one.
    #[must_use]
    pub fn code(&self) -> Option<RDKafkaErrorCode> {
        match self {
            Self::Request { code, .. } => Some(*code),
            _ => None,
        }
    }
}
