//! Receiving: one consumer, which goes on under another login when that changes.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{Headers as _, OwnedMessage},
};
use tokio::{sync::watch, time::Instant};

use super::{
    ANSWER, NAME,
    client::{self, Context},
    failed,
    login::{Generation, Login},
    producer::Producer,
    settler::Settler,
};
use crate::{
    envelope::Envelope,
    error::EventError,
    topic::{Channel, Group},
    transport::{Delivery, Failure, Source},
};

/// A handler that works longer than this has its consumer polled beside it, well before `max.poll.interval.ms` (5 min).
const POLL_BESIDE: Duration = Duration::from_mins(1);

/// One subscription.
pub(super) struct KafkaSource {
    consumer: Arc<StreamConsumer<Context>>,
    producer: Arc<Producer>,
    /// Wakes it when the login has changed.
    changes: watch::Receiver<Generation>,
    /// The generation of its login.
    epoch: Arc<AtomicU64>,
    prefix: String,
    /// Of a shared subscription.
    group: Option<String>,
    topics: HashMap<String, Channel>,
    /// Of a broadcast: the next offset of each partition.
    next: BTreeMap<(String, i32), i64>,
    /// Received and not yet handed out; the front one while it is being looked at, so that cancelling loses nothing.
    waiting: VecDeque<Arc<OwnedMessage>>,
    last: Option<Arc<OwnedMessage>>,
    paused: bool,
    polled: Instant,
}

impl KafkaSource {
    /// Subscribes to these topics with the login as it is now.
    pub(super) async fn open(
        login: Arc<Login>,
        producer: Arc<Producer>,
        prefix: &str,
        topics: HashMap<String, Channel>,
        group: Group,
    ) -> Result<Self, EventError> {
        let mut changes = login.changes();
        let now = changes.borrow_and_update().clone();
        let names: Vec<String> = topics.keys().cloned().collect();
        let (consumer, group, next) = match group {
            Group::Shared(name) => {
                let group = format!("{prefix}.{name}");
                let consumer = shared(&now.base, &group, &names)?;
                (consumer, Some(group), BTreeMap::new())
            }
            Group::Broadcast => {
                let consumer = broadcast(&now.base, prefix)?;
                let (consumer, next) = from_now(consumer, names).await?;
                (consumer, None, next)
            }
        };
        Ok(Self {
            consumer: Arc::new(consumer),
            producer,
            epoch: login.used_by_client(now.epoch),
            changes,
            prefix: prefix.to_owned(),
            group,
            topics,
            next,
            waiting: VecDeque::new(),
            last: None,
            paused: false,
            polled: Instant::now(),
        })
    }

    /// Goes on with a consumer of the login as it is now, where the former one was. Nothing may be under way: what was
    /// received is settled. The new login is told as the one that is used when the former consumer is gone: until then it
    /// needs its rights, to wait for the answers to its last commits and to leave its group.
    async fn renew(&mut self) -> Result<(), EventError> {
        let now = self.changes.borrow().clone();
        let fresh = if let Some(group) = &self.group {
            let names: Vec<String> = self.topics.keys().cloned().collect();
            shared(&now.base, group, &names)?
        } else {
            let consumer = broadcast(&now.base, &self.prefix)?;
            assign(&consumer, &self.next)?;
            consumer
        };
        let former = std::mem::replace(&mut self.consumer, Arc::new(fresh));
        let gone = tokio::task::spawn_blocking(move || drop(former)).await;
        gone.map_err(|source| EventError::unavailable(NAME, "leaving a group", source))?;
        (self.paused, self.polled) = (false, Instant::now());
        self.epoch.store(now.epoch, Ordering::Relaxed);
        // Not before: what failed is tried again.
        self.changes.mark_unchanged();
        tracing::info!(
            credentials.epoch = now.epoch,
            "a consumer's login was replaced"
        );
        Ok(())
    }

    /// Waits for a message; a new login is taken meanwhile, when nothing is under way.
    async fn receive_or_renew(&mut self) -> Result<(), EventError> {
        loop {
            // A copy has seen what this one has, and leaves it free for the other branch.
            let mut login = self.changes.clone();
            tokio::select! {
                changed = login.changed() => {
                    // Its end is the end of the process.
                    if changed.is_ok() {
                        self.renew().await?;
                    }
                }
                received = self.receive() => return received,
            }
        }
    }

    async fn receive(&mut self) -> Result<(), EventError> {
        loop {
            let received = self.consumer.recv().await.map(|message| message.detach());
            self.polled = Instant::now();
            match received {
                Ok(message) => {
                    let place = (message.topic().to_owned(), message.partition());
                    if let Some(next) = self.next.get_mut(&place) {
                        *next = message.offset() + 1;
                    }
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
            producer: self.producer.current(),
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
                self.receive_or_renew().await?;
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

/// A member of a group.
fn shared(
    base: &ClientConfig,
    group: &str,
    topics: &[String],
) -> Result<StreamConsumer<Context>, EventError> {
    let consumer = client::consumer(base, group, true)?;
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    consumer
        .subscribe(&names)
        .map_err(failed(format!("subscribing to {}", names.join(", "))))?;
    Ok(consumer)
}

/// A consumer that assigns itself what it reads.
fn broadcast(base: &ClientConfig, prefix: &str) -> Result<StreamConsumer<Context>, EventError> {
    client::consumer(base, &format!("{prefix}.broadcast"), false)
}

/// Assigns every partition from its end on, known before this returns.
async fn from_now(
    consumer: StreamConsumer<Context>,
    topics: Vec<String>,
) -> Result<(StreamConsumer<Context>, BTreeMap<(String, i32), i64>), EventError> {
    let assigned = tokio::task::spawn_blocking(move || {
        let mut next = BTreeMap::new();
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
                next.insert((topic.clone(), partition.id()), end);
            }
        }
        assign(&consumer, &next)?;
        Ok((consumer, next))
    });
    assigned
        .await
        .map_err(|source| EventError::unavailable(NAME, "assigning partitions", source))?
}

fn assign(
    consumer: &StreamConsumer<Context>,
    next: &BTreeMap<(String, i32), i64>,
) -> Result<(), EventError> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in next {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
            .map_err(failed("assigning partitions"))?;
    }
    consumer
        .assign(&list)
        .map_err(failed("assigning partitions"))
}

fn header<'a>(message: &'a OwnedMessage, name: &str) -> Option<&'a str> {
    let found = message
        .headers()?
        .iter()
        .find(|header| header.key == name)?;
    std::str::from_utf8(found.value?).ok()
}
