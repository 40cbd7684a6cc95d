//! The two traits that every backend implements, and the subscription that consumers hold. Names no broker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    envelope::Envelope,
    error::EventError,
    topic::{Group, Topic},
};

/// Sends events. Only the relay calls it: business code records events in the outbox.
#[async_trait]
pub trait EventPublisher: Send + Sync {
    /// Publishes a batch in its order, keyed by `subject`; returns when the broker has confirmed all of it.
    ///
    /// # Errors
    /// `EventError::Unavailable`: some of the batch may have been published; publish all of it again.
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError>;
}

/// Opens subscriptions.
#[async_trait]
pub trait EventSubscriber: Send + Sync {
    /// Subscribes to topics. When it returns, a broadcast sees every event published later; a shared group sees what
    /// was published since the group's first subscription (Kafka and Redis: since the topic began).
    ///
    /// # Errors
    /// `EventError::Unavailable` if the broker cannot be reached.
    async fn subscribe(&self, topics: &[Topic], group: Group) -> Result<Subscription, EventError>;

    /// Subscribes to the dead letters of a topic; each delivery has a [`Failure`].
    ///
    /// # Errors
    /// As for [`Self::subscribe`].
    async fn dead_letters(&self, topic: Topic, group: Group) -> Result<Subscription, EventError>;
}

/// A login on the broker that changes while the process runs.
#[async_trait]
pub trait ChangingLogin: Send + Sync {
    /// Generation of the oldest login that is still in use: the number in the file `epoch` beside it, or 0 where there is
    /// none.
    fn epoch(&self) -> u64;

    /// Takes each new login, until `stop`. Events that are on their way are neither lost nor doubled by that.
    async fn follow(&self, stop: &CancellationToken);
}

/// Why an event is in a dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error of the last attempt.
    pub reason: String,
    /// The group that gave up.
    pub consumer: String,
    /// Where the event was: `demo.task-events/3@1042` (partition and offset where the broker has them).
    pub position: String,
}

/// One event handed to a consumer. Dropped unsettled, it is delivered again.
pub struct Delivery {
    /// The event.
    pub envelope: Envelope,
    /// Where it was published.
    pub topic: Topic,
    /// Set on what comes from a dead-letter topic.
    pub failure: Option<Failure>,
    settle: Box<dyn Settle>,
    settled: Arc<AtomicBool>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", &self.topic)
            .field("envelope", &self.envelope)
            .finish_non_exhaustive()
    }
}

impl Delivery {
    pub(crate) fn new(
        envelope: Envelope,
        topic: Topic,
        failure: Option<Failure>,
        settle: impl Settle + 'static,
    ) -> Self {
        Self {
            envelope,
            topic,
            failure,
            settle: Box::new(settle),
            settled: Arc::default(),
        }
    }

    /// Handled: do not deliver it to this group again. Call it after the effect is committed.
    ///
    /// # Errors
    /// `EventError::Unavailable`: it may be delivered again.
    pub async fn ack(mut self) -> Result<(), EventError> {
        self.settle.ack().await?;
        self.settled.store(true, Ordering::Release);
        Ok(())
    }

    /// Not to be handled: moves it to the dead-letter topic, with the reason, and goes on.
    ///
    /// # Errors
    /// `EventError::Unavailable`: it was not moved and will be delivered again.
    pub async fn dead_letter(mut self, reason: &str) -> Result<(), EventError> {
        self.settle.dead_letter(&self.envelope, reason).await?;
        self.settled.store(true, Ordering::Release);
        Ok(())
    }
}

/// How a backend settles a delivery.
#[async_trait]
pub(crate) trait Settle: Send {
    async fn ack(&mut self) -> Result<(), EventError>;
    async fn dead_letter(&mut self, envelope: &Envelope, reason: &str) -> Result<(), EventError>;
}

/// The receiving half of a backend. One delivery is out at a time.
#[async_trait]
pub(crate) trait Source: Send {
    /// The next delivery; `None` when the transport has been shut down. After an error it is called again and must
    /// reconnect by itself.
    async fn next(&mut self) -> Result<Option<Delivery>, EventError>;

    /// Makes the last delivery, which was dropped unsettled, the next one.
    async fn rewind(&mut self) -> Result<(), EventError>;

    /// Runs while a delivery is being handled and keeps the group membership alive. Never returns.
    async fn keep_alive(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Events as they come, one at a time: settle each before asking for the next.
pub struct Subscription {
    source: Box<dyn Source>,
    transport: &'static str,
    last: Option<Arc<AtomicBool>>,
}

/// First and longest wait between attempts to reach a broker again.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

impl Subscription {
    pub(crate) fn new(transport: &'static str, source: impl Source + 'static) -> Self {
        Self {
            source: Box::new(source),
            transport,
            last: None,
        }
    }

    /// Waits for the next event. A broker that is away is logged, counted and tried again with growing waits; `None`
    /// only comes from a transport that was shut down. Safe to cancel: an event is not lost.
    pub async fn next(&mut self) -> Option<Delivery> {
        let mut wait = RECONNECT.0;
        loop {
            match self.attempt().await {
                Ok(delivery) => return delivery,
                Err(error) => {
                    metrics::counter!(crate::metrics::RECEIVE_ERRORS, "transport" => self.transport).increment(1);
                    tracing::warn!(transport = self.transport, wait_ms = wait.as_millis(), %error, "receiving events failed");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RECONNECT.1);
                }
            }
        }
    }

    async fn attempt(&mut self) -> Result<Option<Delivery>, EventError> {
        if let Some(settled) = &self.last {
            if !settled.load(Ordering::Acquire) {
                self.source.rewind().await?;
            }
            self.last = None;
        }
        let delivery = self.source.next().await?;
        self.last = delivery
            .as_ref()
            .map(|delivery| Arc::clone(&delivery.settled));
        Ok(delivery)
    }

    /// Keeps the membership in the group alive while an event is being handled; never returns. Put it beside the
    /// handler in a `select!`; [`crate::consume()`] does.
    pub async fn keep_alive(&mut self) {
        self.source.keep_alive().await;
    }
}
