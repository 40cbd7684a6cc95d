//! The relay: publishes what the outbox holds, in order, at least once. Runs in role `worker` (and `analytics-worker`
//! for its own database); any number may run, one is active per database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common_clock::SharedClock;
use sqlx::{PgConnection, PgPool, postgres::PgListener};
use tokio_util::sync::CancellationToken;

use crate::{
    envelope::Envelope,
    error::EventError,
    metrics, schema,
    store::outbox::{self, Unsent},
    topic::Topic,
    transport::EventPublisher,
};

/// Events per round trip.
const BATCH: i64 = 256;
/// Poll while nothing wakes us: the upper bound of what a lost NOTIFY costs.
const POLL: Duration = Duration::from_secs(1);
/// How often a stand-by asks for the lock: the bound of a takeover.
const STANDBY: Duration = Duration::from_secs(2);
/// Longest wait for a broker to confirm a batch.
const CONFIRM: Duration = Duration::from_secs(30);
/// First and longest wait after a failure.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// Relays until `shutdown` is cancelled. A database or broker that is away is waited for.
///
/// The active relay holds an advisory lock on a session of its own, so two relays never interleave one entity's events;
/// the next takes over when that session ends. `source` is the `CloudEvents` source of the events.
pub async fn run(
    pool: &PgPool,
    publisher: &dyn EventPublisher,
    source: &str,
    clock: &SharedClock,
    shutdown: &CancellationToken,
) {
    let turned = AtomicBool::new(false);
    run_watched(pool, publisher, source, clock, &turned, shutdown).await;
}

/// The same, which sets `turned` with each answer of the database, also where another relay is active: a connection whose other
/// end went without a word answers no more, and what the metrics say stays what it was.
pub async fn run_watched(
    pool: &PgPool,
    publisher: &dyn EventPublisher,
    source: &str,
    clock: &SharedClock,
    turned: &AtomicBool,
    shutdown: &CancellationToken,
) {
    let relay = Relay {
        pool,
        publisher,
        source,
        clock,
        turned,
    };
    let mut wait = BACKOFF.0;
    while !shutdown.is_cancelled() {
        let outcome = shutdown.run_until_cancelled(relay.session(&mut wait)).await;
        ::metrics::gauge!(metrics::RELAY_ACTIVE).set(0.0);
        if let Some(Err(error)) = outcome {
            tracing::warn!(wait_ms = wait.as_millis(), %error, "the relay stopped and will start again");
            shutdown.run_until_cancelled(tokio::time::sleep(wait)).await;
            wait = (wait * 2).min(BACKOFF.1);
        }
    }
}

struct Relay<'a> {
    pool: &'a PgPool,
    publisher: &'a dyn EventPublisher,
    source: &'a str,
    clock: &'a SharedClock,
    turned: &'a AtomicBool,
}

impl Relay<'_> {
    /// One hold of the lock, or one wait for it: until the pool has another login, for no former one is held for ever.
    async fn session(&self, wait: &mut Duration) -> Result<(), EventError> {
        let login = self.pool.connect_options();
        let is_current = || Arc::ptr_eq(&login, &self.pool.connect_options());
        // Out of the pool: the lock lives and dies with this session, and no other user of the pool may inherit it.
        let mut conn = self
            .pool
            .acquire()
            .await
            .map_err(database("connecting"))?
            .detach();
        while !outbox::try_lock(&mut conn)
            .await
            .map_err(database("taking the lock of the relay"))?
        {
            self.turn();
            if !is_current() {
                return Ok(());
            }
            tokio::time::sleep(STANDBY).await;
        }
        ::metrics::gauge!(metrics::RELAY_ACTIVE).set(1.0);
        let mut listener = PgListener::connect_with(self.pool)
            .await
            .map_err(database("connecting to listen"))?;
        listener
            .listen(outbox::NOTIFY_CHANNEL)
            .await
            .map_err(database("listening"))?;
        while is_current() {
            while self.drain(&mut conn).await? {}
            *wait = BACKOFF.0;
            let woken = tokio::time::timeout(POLL, listener.recv()).await;
            if let Ok(Err(error)) = woken {
                return Err(database("listening")(error));
            }
            while listener.next_buffered().is_some() {}
        }
        Ok(())
    }

    /// Publishes one batch; true if there may be more.
    async fn drain(&self, conn: &mut PgConnection) -> Result<bool, EventError> {
        let rows = outbox::unsent(conn, BATCH)
            .await
            .map_err(database("reading"))?;
        self.turn();
        let oldest = rows.first().map_or(0.0, |row| {
            (self.clock.now() - row.created_at)
                .to_std()
                .unwrap_or_default()
                .as_secs_f64()
        });
        ::metrics::gauge!(metrics::RELAY_LAG).set(oldest);
        for run in rows.chunk_by(|left, right| left.topic == right.topic) {
            let Some(topic) = run.first().and_then(|row| Topic::parse(&row.topic)) else {
                continue;
            };
            self.publish(topic, run).await?;
            let ids: Vec<i64> = run.iter().map(|row| row.id).collect();
            outbox::mark_sent(conn, &ids)
                .await
                .map_err(database("marking what was sent"))?;
            self.turn();
            ::metrics::counter!(metrics::RELAYED, "topic" => topic.as_str())
                .increment(ids.len() as u64);
        }
        Ok(i64::try_from(rows.len()).is_ok_and(|read| read == BATCH))
    }

    fn turn(&self) {
        self.turned.store(true, Ordering::Relaxed);
    }

    async fn publish(&self, topic: Topic, rows: &[Unsent]) -> Result<(), EventError> {
        let batch: Vec<Envelope> = rows.iter().map(|row| self.envelope(row)).collect();
        let confirmed = tokio::time::timeout(CONFIRM, self.publisher.publish(topic, &batch)).await;
        confirmed
            .unwrap_or_else(|late| {
                Err(EventError::unavailable(
                    "outbox",
                    format!("publishing to {topic}"),
                    late,
                ))
            })
            .inspect_err(|_| {
                ::metrics::counter!(metrics::RELAY_ERRORS, "topic" => topic.as_str()).increment(1);
            })
    }

    fn envelope(&self, row: &Unsent) -> Envelope {
        Envelope {
            id: row.event_id,
            source: self.source.to_owned(),
            dataschema: schema::schema_uri(&row.event_type),
            event_type: row.event_type.clone(),
            subject: row.entity_id.to_string(),
            time: row.created_at,
            sequence: row.id,
            version: row.version,
            actor: row.actor,
            data: row.payload.clone(),
        }
    }
}

fn database(doing: &'static str) -> impl Fn(sqlx::Error) -> EventError {
    move |source| EventError::unavailable("outbox", doing, source)
}
