//! The loop of a consumer: deliver, handle, acknowledge; try again, and set aside what cannot be handled.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use common_clock::SharedClock;
use tokio_util::sync::CancellationToken;

use crate::{
    envelope::Envelope,
    metrics,
    topic::Topic,
    transport::{Delivery, Subscription},
};

/// Attempts after which an event that cannot be handled goes to the dead-letter topic.
pub const MAX_ATTEMPTS: u32 = 5;

/// First and longest wait between attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// Something that the handler needs is away. Tried again for as long as it takes: this is not the event's fault.
    #[error("{0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It failed. Tried again [`MAX_ATTEMPTS`] times in all, then set aside.
    #[error("{0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The event can never be handled (unknown shape): set aside at once.
    #[error("{0}")]
    Rejected(String),
}

impl From<sqlx::Error> for HandleError {
    /// A lost connection, a full pool, a restart, a serialisation failure: `Unavailable`. Anything else: `Failed`.
    fn from(error: sqlx::Error) -> Self {
        let away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => true,
            // 08 connection, 40 serialisation or deadlock, 53 out of resources, 57 shut down or cancelled, 25006 a
            // server that is a replica at the moment.
            sqlx::Error::Database(refused) => refused.code().is_some_and(|code| {
                ["08", "40", "53", "57"]
                    .iter()
                    .any(|class| code.starts_with(class))
                    || code == "25006"
            }),
            _ => false,
        };
        if away {
            Self::Unavailable(error.into())
        } else {
            Self::Failed(error.into())
        }
    }
}

impl From<crate::EventError> for HandleError {
    fn from(error: crate::EventError) -> Self {
        match error {
            crate::EventError::Unavailable { .. } => Self::Unavailable(error.into()),
            _ => Self::Rejected(error.to_string()),
        }
    }
}

/// A consumer of events. It commits its effect together with `inbox::first_time` before it returns `Ok`.
#[async_trait]
pub trait Handle: Send + Sync {
    /// Name in `inbox.consumer` and in metrics.
    fn name(&self) -> &'static str;

    /// Applies one event. Runs at least once per event, in order per entity. Events of a type that it does not know
    /// are not its business: return `Ok`.
    ///
    /// # Errors
    /// See [`HandleError`].
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError>;
}

/// Consumes until `shutdown` is cancelled; an event in hand is finished first, or left to be delivered again if it is
/// being retried. Returns when the subscription ends.
pub async fn consume(
    mut events: Subscription,
    handler: &dyn Handle,
    clock: &SharedClock,
    shutdown: &CancellationToken,
) {
    while let Some(Some(delivery)) = shutdown.run_until_cancelled(events.next()).await {
        let (event, topic) = (&delivery.envelope, delivery.topic);
        let verdict = settle_one(&mut events, event, topic, handler, shutdown).await;
        finish(delivery, verdict, handler.name(), clock).await;
    }
}

/// What to do with a delivery.
enum Verdict {
    Handled,
    SetAside(String),
    Leave,
}

async fn settle_one(
    events: &mut Subscription,
    event: &Envelope,
    topic: Topic,
    handler: &dyn Handle,
    shutdown: &CancellationToken,
) -> Verdict {
    let mut wait = BACKOFF.0;
    let mut failures = 0;
    loop {
        let error = match beside(events, handler.handle(event)).await {
            Ok(()) => return Verdict::Handled,
            Err(HandleError::Rejected(reason)) => return Verdict::SetAside(reason),
            Err(error) => error,
        };
        failures += u32::from(matches!(error, HandleError::Failed(_)));
        if failures >= MAX_ATTEMPTS {
            return Verdict::SetAside(format!("failed {failures} times; the last error: {error}"));
        }
        count(handler.name(), topic, "retried");
        tracing::warn!(
            consumer = handler.name(), event.id = %event.id, event.type = event.event_type,
            failures, %error, "handling an event failed; it will be tried again"
        );
        let pause = beside(events, tokio::time::sleep(wait));
        if shutdown.run_until_cancelled(pause).await.is_none() {
            return Verdict::Leave;
        }
        wait = (wait * 2).min(BACKOFF.1);
    }
}

/// Runs a future while the subscription keeps its place in the group.
async fn beside<T>(events: &mut Subscription, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        result = work => result,
        () = events.keep_alive() => unreachable!("keep_alive never returns"),
    }
}

async fn finish(delivery: Delivery, verdict: Verdict, consumer: &'static str, clock: &SharedClock) {
    let (id, recorded) = (delivery.envelope.id, delivery.envelope.time);
    let settled = match verdict {
        Verdict::Handled => {
            count(consumer, delivery.topic, "handled");
            let latency = (clock.now() - recorded).to_std().unwrap_or_default();
            ::metrics::histogram!(metrics::CONSUME_LATENCY, "consumer" => consumer).record(latency);
            delivery.ack().await
        }
        Verdict::SetAside(reason) => {
            count(consumer, delivery.topic, "dead_letter");
            tracing::error!(consumer, event.id = %id, event.type = delivery.envelope.event_type, reason, "event set aside");
            delivery.dead_letter(&reason).await
        }
        Verdict::Leave => return,
    };
    if let Err(error) = settled {
        tracing::warn!(consumer, event.id = %id, %error, "an event could not be settled; it will be delivered again");
    }
}

fn count(consumer: &'static str, topic: Topic, outcome: &'static str) {
    ::metrics::counter!(metrics::CONSUMED, "consumer" => consumer, "topic" => topic.as_str(), "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A role spawns the loop on its tracker, so its future must be `Send`: this compiles or it does not.
    #[expect(dead_code, reason = "checked by the compiler, never called")]
    fn the_loop_can_be_spawned(
        events: Subscription,
        handler: &dyn Handle,
        clock: &SharedClock,
        shutdown: &CancellationToken,
    ) -> impl Future<Output = ()> + Send {
        consume(events, handler, clock, shutdown)
    }
}
