//! One file per transport; nothing else in the platform names a broker. What they share is here.

pub(crate) mod kafka;
pub(crate) mod memory;
pub(crate) mod rabbitmq;
pub(crate) mod redis;

use crate::transport::Failure;

/// Names of the headers, properties or fields that a dead letter has beside its event.
pub(crate) const REASON: &str = "x-crewdeck-reason";
pub(crate) const CONSUMER: &str = "x-crewdeck-consumer";
pub(crate) const POSITION: &str = "x-crewdeck-position";

/// Longest reason that is kept: brokers limit headers.
const REASON_BYTES: usize = 4096;

impl Failure {
    pub(crate) fn new(reason: &str, consumer: &str, position: String) -> Self {
        let end = reason.floor_char_boundary(REASON_BYTES);
        Self {
            reason: reason[..end].to_owned(),
            consumer: consumer.to_owned(),
            position,
        }
    }

    /// As header pairs.
    pub(crate) fn pairs(&self) -> [(&'static str, &str); 3] {
        [
            (REASON, &self.reason),
            (CONSUMER, &self.consumer),
            (POSITION, &self.position),
        ]
    }

    /// From headers, if this is a dead letter.
    pub(crate) fn read<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        Some(Self {
            reason: get(REASON)?.to_owned(),
            consumer: get(CONSUMER).unwrap_or_default().to_owned(),
            position: get(POSITION).unwrap_or_default().to_owned(),
        })
    }
}
