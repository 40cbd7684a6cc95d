//! What can go wrong with events.

/// An error of this crate. `Unavailable` passes by itself; the others do not.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The broker or database cannot be used now: the same call may succeed later.
    #[error("{transport}: {doing}: {source}")]
    Unavailable {
        /// Name of the backend: `memory`, `kafka`, `rabbitmq`, `redis`, `outbox`.
        transport: &'static str,
        /// What we were doing, `publishing to demo.task-events`.
        doing: String,
        /// The client's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bytes are no event of ours.
    #[error("malformed event: {0}")]
    Malformed(String),
    /// The event is larger than `MAX_PAYLOAD_BYTES`, which every backend accepts.
    #[error("payload of {event_type} has {bytes} bytes; the limit is {limit}", limit = crate::MAX_PAYLOAD_BYTES)]
    TooLarge {
        /// Type of the event.
        event_type: String,
        /// Size of its JSON.
        bytes: usize,
    },
    /// The payload does not match the schema of its own type.
    #[error("payload of {event_type} breaks its schema at {pointer:?}: {detail}")]
    Schema {
        /// Type of the event.
        event_type: String,
        /// JSON Pointer into the payload.
        pointer: String,
        /// What is wrong there.
        detail: String,
    },
    /// The configuration cannot work.
    #[error("events configuration: {0}")]
    Config(String),
    /// A file of the schema catalogue could not be written.
    #[error("writing {path}: {source}")]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
}

impl EventError {
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed(detail.into())
    }

    pub(crate) fn unavailable(
        transport: &'static str,
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable {
            transport,
            doing: doing.into(),
            source: source.into(),
        }
    }
}
