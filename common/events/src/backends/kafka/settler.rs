//! Settling a delivery: its offset is committed, or it is copied to the dead letters first.

use std::sync::Arc;

use async_trait::async_trait;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _, StreamConsumer},
    message::{Header, Headers as _, OwnedHeaders, OwnedMessage},
    producer::{FutureProducer, FutureRecord},
};

use super::{ANSWER, client::Context, failed};
use crate::{
    backends::CONSUMER,
    envelope::Envelope,
    error::EventError,
    topic::{Channel, Topic},
    transport::{Failure, Settle},
};

/// Settles one message.
pub(super) struct Settler {
    pub(super) consumer: Arc<StreamConsumer<Context>>,
    pub(super) producer: FutureProducer<Context>,
    /// Of a shared subscription.
    pub(super) group: Option<String>,
    pub(super) prefix: String,
    pub(super) topic: Option<Topic>,
    pub(super) message: Arc<OwnedMessage>,
}

impl Settler {
    /// Copies the message as it came, with the failure beside it, then acknowledges it.
    pub(super) async fn set_aside(&mut self, reason: &str) -> Result<(), EventError> {
        let topic = self
            .topic
            .ok_or_else(|| EventError::malformed(format!("topic {}", self.message.topic())))?;
        let name = Channel::dead(topic).name(&self.prefix);
        let position = format!(
            "{}/{}@{}",
            self.message.topic(),
            self.message.partition(),
            self.message.offset()
        );
        let failure = Failure::new(
            reason,
            self.group.as_deref().unwrap_or("broadcast"),
            position,
        );
        let mut headers = OwnedHeaders::new();
        let original = self
            .message
            .headers()
            .into_iter()
            .flat_map(|headers| headers.iter());
        for header in original.filter(|header| {
            !header
                .key
                .starts_with(CONSUMER.trim_end_matches("consumer"))
        }) {
            headers = headers.insert(header);
        }
        headers = failure
            .pairs()
            .into_iter()
            .fold(headers, |headers, (key, value)| {
                headers.insert(Header {
                    key,
                    value: Some(value),
                })
            });
        let record = FutureRecord::to(&name)
            .key(self.message.key().unwrap_or_default())
            .payload(self.message.payload().unwrap_or_default())
            .headers(headers);
        self.producer
            .send(record, ANSWER)
            .await
            .map_err(|(source, _)| failed(format!("publishing to {name}"))(source))?;
        self.commit()
    }

    fn commit(&self) -> Result<(), EventError> {
        if self.group.is_none() {
            return Ok(());
        }
        let message = &self.message;
        let doing = || {
            format!(
                "committing {}/{}@{}",
                message.topic(),
                message.partition(),
                message.offset()
            )
        };
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(
            message.topic(),
            message.partition(),
            Offset::Offset(message.offset() + 1),
        )
        .map_err(failed(doing()))?;
        self.consumer
            .commit(&list, CommitMode::Async)
            .map_err(failed(doing()))
    }
}

#[async_trait]
impl Settle for Settler {
    async fn ack(&mut self) -> Result<(), EventError> {
        self.commit()
    }

    async fn dead_letter(&mut self, _envelope: &Envelope, reason: &str) -> Result<(), EventError> {
        self.set_aside(reason).await
    }
}
