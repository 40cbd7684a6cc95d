//! What a domain's producer makes: a typed payload and the event to record from it. Pure: no broker, no database.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{schema, topic::Topic};

/// Largest payload in bytes of JSON. Below the smallest default limit of the brokers (Kafka: 1 MiB per message), so that
/// no recorded event can be refused by one for its size.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;

/// The data of one type of event. A changed meaning or a removed field is a new type (`….v2`).
pub trait EventPayload: Serialize + JsonSchema {
    /// `entity.past.vN`, for example `task.created.v1`.
    const TYPE: &'static str;
    /// Where it is published.
    const TOPIC: Topic;

    /// The entity that it is about: key of the order, `subject` of the envelope.
    fn entity_id(&self) -> Uuid;

    /// Version of the entity after the change.
    fn version(&self) -> i64;
}

/// An event to record in the outbox, in the transaction that makes it true.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Where it goes.
    pub topic: Topic,
    /// Type and version.
    pub event_type: &'static str,
    /// The entity that it is about.
    pub entity_id: Uuid,
    /// Version of the entity after the change.
    pub version: i64,
    /// The payload.
    pub payload: Value,
    /// The user who caused it.
    pub actor: Option<Uuid>,
}

impl Outgoing {
    /// The event of a payload, without an actor (see [`Self::by`]).
    ///
    /// # Panics
    /// In builds with debug assertions, if the payload breaks the schema that its own type declares; and if it has a map
    /// whose keys are no strings. Both are mistakes in the type, not in the data.
    #[must_use]
    pub fn of<T: EventPayload>(payload: &T) -> Self {
        let value =
            serde_json::to_value(payload).expect("a payload is a JSON object with string keys");
        if cfg!(debug_assertions) {
            let checked = schema::check::<T>(&value);
            assert!(
                checked.is_ok(),
                "{}",
                checked
                    .err()
                    .map(|error| error.to_string())
                    .unwrap_or_default()
            );
        }
        Self {
            topic: T::TOPIC,
            event_type: T::TYPE,
            entity_id: payload.entity_id(),
            version: payload.version(),
            payload: value,
            actor: None,
        }
    }

    /// The same event, caused by this user.
    #[must_use]
    pub fn by(self, actor: Uuid) -> Self {
        Self {
            actor: Some(actor),
            ..self
        }
    }
}
