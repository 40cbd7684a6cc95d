//! Clients of the library: how they are set up, and what they report by themselves.

use rdkafka::{
    ClientConfig, ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::FutureProducer,
};

use crate::error::EventError;

/// Turns what the client reports by itself into log lines.
#[derive(Clone)]
pub(super) struct Context {
    /// Whether it has a right on its group. One that reads everything by itself has none and needs none, but the library asks
    /// for the group's coordinator all the same.
    in_group: bool,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::error!(facility, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(facility, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(facility, "{message}"),
        }
    }

    /// A wrong password shows only here: the calls themselves just time out.
    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if !self.in_group && code == Some(RDKafkaErrorCode::GroupAuthorizationFailed) {
            return;
        }
        tracing::warn!(%error, reason, "the Kafka client reports an error");
    }
}

impl ConsumerContext for Context {
    fn commit_callback(
        &self,
        result: rdkafka::error::KafkaResult<()>,
        _offsets: &TopicPartitionList,
    ) {
        if let Err(error) = result {
            tracing::warn!(%error, "an offset was not committed; events may be delivered again");
        }
    }
}

/// A producer that keeps order and repeats nothing.
pub(super) fn producer(base: &ClientConfig) -> Result<FutureProducer<Context>, EventError> {
    base.clone()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", "20000")
        .set("linger.ms", "2")
        .set_log_level(RDKafkaLogLevel::Warning)
        .create_with_context(Context { in_group: false })
        .map_err(|source| EventError::Config(format!("kafka producer: {source}")))
}

/// A consumer that commits what it is told to, as a member of the group or by itself.
pub(super) fn consumer(
    base: &ClientConfig,
    group: &str,
    in_group: bool,
) -> Result<StreamConsumer<Context>, EventError> {
    base.clone()
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set_log_level(RDKafkaLogLevel::Warning)
        .create_with_context(Context { in_group })
        .map_err(|source| EventError::Config(format!("kafka consumer: {source}")))
}
