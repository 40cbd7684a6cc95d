//! Outbox, relay, inbox and the consumer loop on a real database, with the memory bus as the broker.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use common_clock::{Ids as _, SharedClock, SystemClock, SystemIds, testing::wait_for};
use common_events::{
    Envelope, EventError, EventPayload, EventPublisher, EventSubscriber as _, Group, Handle,
    HandleError, MAX_ATTEMPTS, MAX_PAYLOAD_BYTES, MemoryBus, Outgoing, Subscription, Topic,
    consume, inbox, outbox, relay,
};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[derive(Serialize, JsonSchema)]
struct Renamed {
    task_id: Uuid,
    title: String,
    version: i64,
}

impl EventPayload for Renamed {
    const TYPE: &'static str = "task.renamed.v1";
    const TOPIC: Topic = Topic::TaskEvents;
    fn entity_id(&self) -> Uuid {
        self.task_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}

fn renamed(task_id: Uuid, version: i64) -> Outgoing {
    Outgoing::of(&Renamed {
        task_id,
        title: format!("title {version}"),
        version,
    })
}

fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// Waits until `condition` holds.
async fn holds(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let asked = async || condition().await.then_some(()).ok_or_else(String::new);
    wait_for(what, asked).await;
}

async fn record(pool: &PgPool, event: &Outgoing) {
    let mut tx = common_db::begin(pool).await.expect("a transaction");
    outbox::insert(&mut tx, event).await.expect("recorded");
    tx.commit().await.expect("committed");
}

async fn next(events: &mut Subscription) -> Envelope {
    let delivery = tokio::time::timeout(Duration::from_secs(20), events.next())
        .await
        .expect("an event in time")
        .expect("an open bus");
    let envelope = delivery.envelope.clone();
    delivery.ack().await.expect("acknowledged");
    envelope
}

async fn unsent(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from outbox where sent_at is null")
        .fetch_one(pool)
        .await
        .expect("a count")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn relay_publishes_what_was_committed_and_nothing_else(pool: PgPool) {
    let (bus, task, actor) = (MemoryBus::default(), SystemIds.uuid(), SystemIds.uuid());
    let mut events = bus
        .subscribe(&[Topic::TaskEvents], Group::Broadcast)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let mut rolled_back = common_db::begin(&pool).await.unwrap();
    outbox::insert(&mut rolled_back, &renamed(task, 1))
        .await
        .unwrap();
    rolled_back.rollback().await.unwrap();
    let work = async {
        record(&pool, &renamed(task, 1).by(actor)).await;
        let seen = next(&mut events).await;
        assert_eq!((seen.version, seen.subject.clone()), (1, task.to_string()));
        assert_eq!(
            (&*seen.event_type, seen.actor, &*seen.source),
            ("task.renamed.v1", Some(actor), "/test")
        );
        assert_eq!(seen.data["title"], "title 1");
        // A second one, while the relay sleeps: the notification wakes it.
        record(&pool, &renamed(task, 2)).await;
        assert_eq!(next(&mut events).await.version, 2);
        holds("marking both as sent", async || unsent(&pool).await == 0).await;
        stop.cancel();
    };
    let clock = clock();
    tokio::join!(relay::run(&pool, &bus, "/test", &clock, &stop), work);
}

/// A broker that refuses every second batch after having taken half of it.
struct Flaky {
    bus: MemoryBus,
    calls: AtomicU32,
}

#[async_trait]
impl EventPublisher for Flaky {
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError> {
        if self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            self.bus.publish(topic, &batch[..batch.len() / 2]).await?;
            return Err(EventError::Unavailable {
                transport: "flaky",
                doing: "publishing".into(),
                source: "cut".into(),
            });
        }
        self.bus.publish(topic, batch).await
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn relay_survives_a_flaky_broker_in_order(pool: PgPool) {
    let (bus, tasks) = (MemoryBus::default(), [SystemIds.uuid(), SystemIds.uuid()]);
    let mut events = bus
        .subscribe(&[Topic::TaskEvents], Group::Broadcast)
        .await
        .unwrap();
    for version in 1..=20 {
        for task in tasks {
            record(&pool, &renamed(task, version)).await;
        }
    }
    let (flaky, stop) = (
        Flaky {
            bus,
            calls: AtomicU32::new(0),
        },
        CancellationToken::new(),
    );
    let work = async {
        let mut highest = std::collections::HashMap::<String, i64>::new();
        while highest.values().filter(|version| **version == 20).count() < 2 {
            let seen = next(&mut events).await;
            let highest = highest.entry(seen.subject).or_default();
            assert!(
                seen.version <= *highest + 1,
                "version {} came before {}",
                seen.version,
                *highest + 1
            );
            *highest = seen.version.max(*highest);
        }
        stop.cancel();
    };
    let clock = clock();
    tokio::join!(relay::run(&pool, &flaky, "/test", &clock, &stop), work);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn two_relays_publish_once_and_the_second_takes_over(pool: PgPool) {
    let (bus, task) = (MemoryBus::default(), SystemIds.uuid());
    let mut events = bus
        .subscribe(&[Topic::TaskEvents], Group::Broadcast)
        .await
        .unwrap();
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    let work = async {
        for version in 1..=30 {
            record(&pool, &renamed(task, version)).await;
        }
        for version in 1..=30 {
            assert_eq!(
                next(&mut events).await.version,
                version,
                "two relays must not interleave or repeat"
            );
        }
        holds("marking all as sent", async || unsent(&pool).await == 0).await;
        first.cancel();
        record(&pool, &renamed(task, 31)).await;
        assert_eq!(next(&mut events).await.version, 31);
        second.cancel();
    };
    let clock = clock();
    tokio::join!(
        relay::run(&pool, &bus, "/test", &clock, &first),
        relay::run(&pool, &bus, "/test", &clock, &second),
        work
    );
}

/// The process of the server that holds the lock of this database's relay.
async fn holder(pool: &PgPool) -> Option<i32> {
    let sql = "select pid from pg_locks where locktype = 'advisory' and granted \
               and database = (select oid from pg_database where datname = current_database())";
    let holder = sqlx::query_scalar(sql).fetch_optional(pool);
    holder.await.expect("an answer")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_relay_goes_on_with_another_login_as_soon_as_its_pool_has_one(pool: PgPool) {
    let (bus, stop, clock) = (MemoryBus::default(), CancellationToken::new(), clock());
    let work = async {
        holds("the relay's lock", async || holder(&pool).await.is_some()).await;
        let former = holder(&pool).await;
        let options = pool.connect_options();
        pool.set_connect_options(options.as_ref().clone());
        holds("a lock of another session", async || {
            let now = holder(&pool).await;
            now.is_some() && now != former
        })
        .await;
        stop.cancel();
    };
    tokio::join!(relay::run(&pool, &bus, "/test", &clock, &stop), work);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_row_that_commits_late_is_not_skipped(pool: PgPool) {
    let (bus, early, late) = (MemoryBus::default(), SystemIds.uuid(), SystemIds.uuid());
    let mut events = bus
        .subscribe(&[Topic::TaskEvents], Group::Broadcast)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let work = async {
        let mut slow = common_db::begin(&pool).await.unwrap();
        outbox::insert(&mut slow, &renamed(late, 1)).await.unwrap();
        record(&pool, &renamed(early, 1)).await;
        assert_eq!(
            next(&mut events).await.subject,
            early.to_string(),
            "the larger id is published first"
        );
        holds("marking it as sent", async || unsent(&pool).await == 0).await;
        slow.commit().await.unwrap();
        assert_eq!(next(&mut events).await.subject, late.to_string());
        stop.cancel();
    };
    let clock = clock();
    tokio::join!(relay::run(&pool, &bus, "/test", &clock, &stop), work);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_event_too_large_for_a_broker_is_refused_at_record(pool: PgPool) {
    let mut event = renamed(SystemIds.uuid(), 1);
    event.payload = serde_json::json!({ "title": "x".repeat(MAX_PAYLOAD_BYTES) });
    let mut conn = pool.acquire().await.unwrap();
    let refused = outbox::insert(&mut conn, &event).await;
    assert!(
        matches!(refused, Err(EventError::TooLarge { .. })),
        "{refused:?}"
    );
    assert_eq!(unsent(&pool).await, 0);
}

/// Fails in the given way a number of times, then commits one row per event together with the inbox.
struct Recorder {
    pool: PgPool,
    failures: Mutex<Vec<HandleError>>,
    calls: AtomicU32,
}

impl Recorder {
    fn new(pool: &PgPool, failures: Vec<HandleError>) -> Self {
        Self {
            pool: pool.clone(),
            failures: Mutex::new(failures),
            calls: AtomicU32::new(0),
        }
    }

    async fn effects(&self) -> i64 {
        sqlx::query_scalar("select count(*) from schedule_slots")
            .fetch_one(&self.pool)
            .await
            .expect("a count")
    }
}

#[async_trait]
impl Handle for Recorder {
    fn name(&self) -> &'static str {
        "recorder"
    }

    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if let Some(failure) = self.failures.lock().expect("nobody panicked").pop() {
            return Err(failure);
        }
        let mut tx = common_db::begin(&self.pool).await?;
        if inbox::first_time(&mut tx, self.name(), event.id).await? {
            // Any table does for an effect that may not happen twice; a second insert would get another time.
            sqlx::query(
                "insert into schedule_slots (schedule, slot_at) values ($1, clock_timestamp())",
            )
            .bind(event.id.to_string())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

async fn consuming(bus: &MemoryBus, handler: &Recorder, until: impl AsyncFnMut() -> bool) {
    let events = bus
        .subscribe(&[Topic::TaskEvents], Group::Shared("recorder"))
        .await
        .expect("subscribed");
    let (stop, clock) = (CancellationToken::new(), clock());
    let work = async {
        holds("handling", until).await;
        stop.cancel();
    };
    tokio::join!(consume(events, handler, &clock, &stop), work);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_repeated_event_has_its_effect_once(pool: PgPool) {
    let (bus, handler) = (MemoryBus::default(), Recorder::new(&pool, Vec::new()));
    let event = common_events::conformance::event(SystemIds.uuid(), 1);
    bus.publish(Topic::TaskEvents, &[event.clone(), event.clone(), event])
        .await
        .unwrap();
    consuming(&bus, &handler, async || {
        handler.calls.load(Ordering::SeqCst) == 3
    })
    .await;
    assert_eq!(handler.effects().await, 1);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_dependency_that_is_away_is_waited_for(pool: PgPool) {
    let away = || HandleError::from(sqlx::Error::PoolTimedOut);
    // More often than a failing event would be tried.
    let failures = std::iter::repeat_with(away)
        .take(MAX_ATTEMPTS as usize + 1)
        .collect();
    let (bus, handler) = (MemoryBus::default(), Recorder::new(&pool, failures));
    let mut dead = bus
        .dead_letters(Topic::TaskEvents, Group::Broadcast)
        .await
        .unwrap();
    bus.publish(
        Topic::TaskEvents,
        &[common_events::conformance::event(SystemIds.uuid(), 1)],
    )
    .await
    .unwrap();
    consuming(&bus, &handler, async || handler.effects().await == 1).await;
    assert!(
        tokio::time::timeout(Duration::from_millis(50), dead.next())
            .await
            .is_err(),
        "it is not the event's fault"
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn poison_is_set_aside_and_the_next_event_is_handled(pool: PgPool) {
    let failed = || HandleError::Failed("boom".into());
    let mut failures: Vec<_> = std::iter::repeat_with(failed)
        .take(MAX_ATTEMPTS as usize)
        .collect();
    failures.push(HandleError::Rejected("no such shape".into()));
    let (bus, handler) = (MemoryBus::default(), Recorder::new(&pool, failures));
    let mut dead = bus
        .dead_letters(Topic::TaskEvents, Group::Broadcast)
        .await
        .unwrap();
    let batch: Vec<_> = (1..=3)
        .map(|version| common_events::conformance::event(SystemIds.uuid(), version))
        .collect();
    bus.publish(Topic::TaskEvents, &batch).await.unwrap();
    consuming(&bus, &handler, async || handler.effects().await == 1).await;
    // One call for the rejected event, five for the failing one, one for the good one.
    assert_eq!(handler.calls.load(Ordering::SeqCst), 1 + MAX_ATTEMPTS + 1);
    for (version, reason) in [(1, "no such shape"), (2, "boom")] {
        let delivery = dead.next().await.unwrap();
        assert_eq!(delivery.envelope.version, version);
        let failure = delivery.failure.clone().unwrap();
        assert!(
            failure.reason.contains(reason) && failure.consumer == "recorder",
            "{failure:?}"
        );
        delivery.ack().await.unwrap();
    }
}
