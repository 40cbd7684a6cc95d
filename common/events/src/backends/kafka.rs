//! Kafka: `CloudEvents` binary mode (`ce_` headers), key = entity, idempotent producer; no Kafka transactions.
//!
//! A shared group commits the offset of what was acknowledged. A broadcast assigns itself every partition, from its end
//! on, and never joins its group: `<prefix>.broadcast` is only the name that the client insists on.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{CommitMode, Consumer as _, ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, Headers as _, OwnedHeaders, OwnedMessage},
    producer::{FutureProducer, FutureRecord},
};
use tokio::time::Instant;

use crate::{
    backends::CONSUMER,
    envelope::{DATA_CONTENT_TYPE, Envelope},
    error::EventError,
    topic::{Channel, Group, Topic},
    transport::{Delivery, EventPublisher, EventSubscriber, Failure, Settle, Source, Subscription},
};

const NAME: &str = "kafka";
/// Longest wait for an answer that is not about a message.
const ANSWER: Duration = Duration::from_secs(10);
/// A handler that works longer than this has its consumer polled beside it, well before `max.poll.interval.ms` (5 min).
const POLL_BESIDE: Duration = Duration::from_mins(1);

/// Publisher and subscriber of one Kafka cluster, under one prefix.
pub(crate) struct Kafka {
    base: ClientConfig,
    prefix: String,
    producer: FutureProducer<Context>,
}

/// Turns what the client reports by itself into log lines.
#[derive(Clone)]
struct Context;

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

impl Kafka {
    /// `base` says where the cluster is and how to log in. Connects when first used.
    pub(crate) fn new(base: ClientConfig, prefix: &str) -> Result<Self, EventError> {
        let producer = base
            .clone()
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("message.timeout.ms", "20000")
            .set("linger.ms", "2")
            .set_log_level(RDKafkaLogLevel::Warning)
            .create_with_context(Context)
            .map_err(|source| EventError::Config(format!("kafka producer: {source}")))?;
        Ok(Self {
            base,
            prefix: prefix.to_owned(),
            producer,
        })
    }

    fn consumer(&self, group: &str) -> Result<StreamConsumer<Context>, EventError> {
        self.base
            .clone()
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set_log_level(RDKafkaLogLevel::Warning)
            .create_with_context(Context)
            .map_err(|source| EventError::Config(format!("kafka consumer: {source}")))
    }

    async fn open(&self, channels: Vec<Channel>, group: Group) -> Result<Subscription, EventError> {
        let topics: HashMap<String, Channel> = channels
            .into_iter()
            .map(|channel| (channel.name(&self.prefix), channel))
            .collect();
        let (consumer, group) = match group {
            Group::Shared(name) => {
                let group = format!("{}.{name}", self.prefix);
                let consumer = self.consumer(&group)?;
                let names: Vec<&str> = topics.keys().map(String::as_str).collect();
                consumer
                    .subscribe(&names)
                    .map_err(failed(format!("subscribing to {}", names.join(", "))))?;
                (consumer, Some(group))
            }
            Group::Broadcast => {
                let consumer = self.consumer(&format!("{}.broadcast", self.prefix))?;
                let names: Vec<String> = topics.keys().cloned().collect();
                (assign_from_now(consumer, names).await?, None)
            }
        };
        let source = KafkaSource {
            consumer: Arc::new(consumer),
            producer: self.producer.clone(),
            prefix: self.prefix.clone(),
            group,
            topics,
            waiting: VecDeque::new(),
            last: None,
            paused: false,
            polled: Instant::now(),
        };
        Ok(Subscription::new(NAME, source))
    }
}

/// Assigns every partition from its end on, known before this returns.
async fn assign_from_now(
    consumer: StreamConsumer<Context>,
    topics: Vec<String>,
) -> Result<StreamConsumer<Context>, EventError> {
    let assigned = tokio::task::spawn_blocking(move || {
        let mut list = TopicPartitionList::new();
        for topic in &topics {
            let doing = || format!("reading where {topic} ends");
            let metadata = consumer
                .fetch_metadata(Some(topic), ANSWER)
                .map_err(failed(doing()))?;
            let partitions = metadata
                .topics()
                .first()
                .map(rdkafka::metadata::MetadataTopic::partitions)
                .unwrap_or_default();
            if partitions.is_empty() {
                return Err(EventError::unavailable(
                    NAME,
                    doing(),
                    "the topic does not exist",
                ));
            }
            for partition in partitions {
                let (_, end) = consumer
                    .fetch_watermarks(topic, partition.id(), ANSWER)
                    .map_err(failed(doing()))?;
                list.add_partition_offset(topic, partition.id(), Offset::Offset(end))
                    .map_err(failed(doing()))?;
            }
        }
        consumer
            .assign(&list)
            .map_err(failed("assigning partitions"))?;
        Ok(consumer)
    });
    assigned
        .await
        .map_err(|source| EventError::unavailable(NAME, "assigning partitions", source))?
}

fn failed(doing: impl Into<String>) -> impl FnOnce(KafkaError) -> EventError {
    move |source| EventError::unavailable(NAME, doing, source)
}

/// The headers of an event; `extra` are those of a dead letter.
fn headers<'a>(
    attributes: &'a [(&'static str, String)],
    extra: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> OwnedHeaders {
    let headers = OwnedHeaders::new().insert(Header {
        key: "content-type",
        value: Some(DATA_CONTENT_TYPE),
    });
    let headers = attributes.iter().fold(headers, |headers, (name, value)| {
        headers.insert(Header {
            key: &format!("ce_{name}"),
            value: Some(value),
        })
    });
    extra.into_iter().fold(headers, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}

fn header<'a>(message: &'a OwnedMessage, name: &str) -> Option<&'a str> {
    let found = message
        .headers()?
        .iter()
        .find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()
}

#[async_trait]
impl EventPublisher for Kafka {
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError> {
        let name = Channel::live(topic).name(&self.prefix);
        let doing = || format!("publishing to {name}");
        let mut confirmations = Vec::with_capacity(batch.len());
        for event in batch {
            let payload = event.data.to_string();
            let attributes = event.attributes();
            let record = FutureRecord::to(&name)
                .key(&event.subject)
                .payload(&payload)
                .headers(headers(&attributes, []));
            // Enqueued here and now, so the order of the batch is the order on the wire.
            match self.producer.send_result(record) {
                Ok(confirmation) => confirmations.push(confirmation),
                Err((source, _)) => return Err(failed(doing())(source)),
            }
        }
        // All of them, also after a failure: a second attempt must not overtake what is still on its way.
        for confirmed in join_all(confirmations).await {
            match confirmed {
                Ok(Ok(_)) => {}
                Ok(Err((source, _))) => return Err(failed(doing())(source)),
                Err(cancelled) => return Err(EventError::unavailable(NAME, doing(), cancelled)),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl EventSubscriber for Kafka {
    async fn subscribe(&self, topics: &[Topic], group: Group) -> Result<Subscription, EventError> {
        self.open(topics.iter().copied().map(Channel::live).collect(), group)
            .await
    }

    async fn dead_letters(&self, topic: Topic, group: Group) -> Result<Subscription, EventError> {
        self.open(vec![Channel::dead(topic)], group).await
    }
}

struct KafkaSource {
    consumer: Arc<StreamConsumer<Context>>,
    producer: FutureProducer<Context>,
    prefix: String,
    /// Of a shared subscription.
    group: Option<String>,
    topics: HashMap<String, Channel>,
    /// Received and not yet handed out; the front one while it is being looked at, so that cancelling loses nothing.
    waiting: VecDeque<Arc<OwnedMessage>>,
    last: Option<Arc<OwnedMessage>>,
    paused: bool,
    polled: Instant,
}

impl KafkaSource {
    async fn receive(&mut self) -> Result<(), EventError> {
        loop {
            let received = self.consumer.recv().await.map(|message| message.detach());
            self.polled = Instant::now();
            match received {
                Ok(message) => {
                    self.waiting.push_back(Arc::new(message));
                    return Ok(());
                }
                // A broadcast has no right on a group and needs none.
                Err(KafkaError::MessageConsumption(RDKafkaErrorCode::GroupAuthorizationFailed))
                    if self.group.is_none() => {}
                Err(source) => return Err(failed("receiving")(source)),
            }
        }
    }

    fn settler(&self, message: &Arc<OwnedMessage>) -> Settler {
        Settler {
            consumer: Arc::clone(&self.consumer),
            producer: self.producer.clone(),
            group: self.group.clone(),
            message: Arc::clone(message),
            prefix: self.prefix.clone(),
            topic: self
                .topics
                .get(message.topic())
                .map(|channel| channel.topic),
        }
    }
}

#[async_trait]
impl Source for KafkaSource {
    async fn next(&mut self) -> Result<Option<Delivery>, EventError> {
        if self.paused {
            let assigned = self.consumer.assignment().map_err(failed("resuming"))?;
            self.consumer
                .resume(&assigned)
                .map_err(failed("resuming"))?;
            self.paused = false;
        }
        loop {
            let Some(message) = self.waiting.front().cloned() else {
                self.receive().await?;
                continue;
            };
            let mut settler = self.settler(&message);
            let read = Envelope::from_attributes(
                |name| header(&message, &format!("ce_{name}")),
                message.payload().unwrap_or_default(),
            );
            match read {
                Ok(envelope) => {
                    let topic = settler.topic.ok_or_else(|| {
                        EventError::malformed(format!("topic {}", message.topic()))
                    })?;
                    let failure = Failure::read(|name| header(&message, name));
                    self.waiting.pop_front();
                    self.last = Some(message);
                    return Ok(Some(Delivery::new(envelope, topic, failure, settler)));
                }
                Err(error) => {
                    tracing::error!(topic = message.topic(), partition = message.partition(), offset = message.offset(), %error, "a message is no event");
                    settler.set_aside(&error.to_string()).await?;
                    self.waiting.pop_front();
                }
            }
        }
    }

    async fn rewind(&mut self) -> Result<(), EventError> {
        self.waiting.extend(self.last.take());
        self.waiting.rotate_right(1);
        Ok(())
    }

    async fn keep_alive(&mut self) {
        tokio::time::sleep_until(self.polled + POLL_BESIDE).await;
        loop {
            // What is assigned changes with each rebalance, so it is paused again each time.
            let paused = self
                .consumer
                .assignment()
                .and_then(|assigned| self.consumer.pause(&assigned));
            self.paused = true;
            if let Err(error) = paused {
                tracing::warn!(%error, "a consumer could not be paused while an event is handled");
            }
            // Nothing comes while paused, but for partitions that were just assigned; those wait their turn.
            let polled = tokio::time::timeout(POLL_BESIDE, self.receive()).await;
            if let Ok(Err(error)) = polled {
                tracing::warn!(%error, "polling beside a handler failed");
                tokio::time::sleep(ANSWER).await;
            }
        }
    }
}

struct Settler {
    consumer: Arc<StreamConsumer<Context>>,
    producer: FutureProducer<Context>,
    group: Option<String>,
    prefix: String,
    topic: Option<Topic>,
    message: Arc<OwnedMessage>,
}

impl Settler {
    /// Copies the message as it came, with the failure beside it, then acknowledges it.
    async fn set_aside(&mut self, reason: &str) -> Result<(), EventError> {
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

#[cfg(all(test, feature = "testing"))]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::conformance::{self, Fixture};

    #[tokio::test(flavor = "multi_thread")]
    async fn conformance_kafka_mock() {
        let cluster = MockCluster::new(1).unwrap();
        let prefixes = std::sync::atomic::AtomicU32::new(0);
        conformance::all(|| async {
            let prefix = format!(
                "mock{}",
                prefixes.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            );
            for channel in Topic::ALL
                .into_iter()
                .flat_map(|topic| [Channel::live(topic), Channel::dead(topic)])
            {
                cluster.create_topic(&channel.name(&prefix), 3, 1).unwrap();
            }
            let mut base = ClientConfig::new();
            base.set("bootstrap.servers", cluster.bootstrap_servers());
            // The mock moves partitions at heartbeats and session time-outs; the defaults are those of a data centre.
            base.set("heartbeat.interval.ms", "100")
                .set("session.timeout.ms", "6000");
            let kafka = Arc::new(Kafka::new(base, &prefix).unwrap());
            Fixture {
                publisher: Arc::clone(&kafka) as _,
                subscriber: kafka,
            }
        })
        .await;
    }
}
