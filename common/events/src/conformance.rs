//! What every transport must do, as one suite of cases. Each backend's tests run [`all`]; a case that fails panics with
//! what was promised and what was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Delivery, Ends, Envelope, EventPublisher, EventSubscriber, Group, Subscription, Topic, schema,
};

/// Longest wait for an event that must come. A real broker may take a session time-out to move a partition.
const DEADLINE: Duration = Duration::from_mins(1);
/// How long an event that must not come is waited for.
const QUIET: Duration = Duration::from_millis(300);

/// A transport with topics that nobody else uses.
#[derive(Clone)]
pub struct Fixture {
    /// Publishes to the topics.
    pub publisher: Arc<dyn EventPublisher>,
    /// Subscribes to the same topics.
    pub subscriber: Arc<dyn EventSubscriber>,
}

impl From<Ends> for Fixture {
    fn from(ends: Ends) -> Self {
        Self {
            publisher: ends.publisher,
            subscriber: ends.subscriber,
        }
    }
}

/// Runs every case side by side, each on a fresh fixture.
///
/// # Panics
/// If the transport breaks a promise.
pub async fn all<F: Future<Output = Fixture>>(fresh: impl Fn() -> F) {
    // On the heap: nine cases side by side are large.
    Box::pin(async {
        tokio::join!(
            async { payload_fidelity(&fresh().await).await },
            async { order_per_key(&fresh().await).await },
            async { at_least_once_across_restarts(&fresh().await).await },
            async { unsettled_is_redelivered(&fresh().await).await },
            async { shared_group_splits(&fresh().await).await },
            async { groups_are_independent(&fresh().await).await },
            async { broadcast_reaches_all(&fresh().await).await },
            async { dead_letters_are_set_aside(&fresh().await).await },
            async { topics_are_apart(&fresh().await).await },
        );
    })
    .await;
}

/// An event about `entity`, with this version.
#[must_use]
pub fn event(entity: Uuid, version: i64) -> Envelope {
    Envelope {
        id: SystemIds.uuid(),
        source: "/crewdeck/conformance".into(),
        event_type: "task.updated.v1".into(),
        subject: entity.to_string(),
        time: SystemClock.now().duration_trunc_micros(),
        dataschema: schema::schema_uri("task.updated.v1"),
        sequence: version,
        version,
        actor: None,
        data: json!({ "version": version }),
    }
}

/// Microseconds are what PostgreSQL keeps and what the attribute `time` carries.
trait Micros {
    fn duration_trunc_micros(self) -> Self;
}

impl Micros for chrono::DateTime<chrono::Utc> {
    fn duration_trunc_micros(self) -> Self {
        Self::from_timestamp_micros(self.timestamp_micros()).unwrap_or(self)
    }
}

async fn publish(fixture: &Fixture, topic: Topic, batch: &[Envelope]) {
    fixture
        .publisher
        .publish(topic, batch)
        .await
        .expect("the broker of the test takes events");
}

async fn subscribe(fixture: &Fixture, group: Group) -> Subscription {
    fixture
        .subscriber
        .subscribe(&[Topic::TaskEvents], group)
        .await
        .expect("the broker of the test takes subscriptions")
}

async fn next(events: &mut Subscription) -> Delivery {
    tokio::time::timeout(DEADLINE, events.next())
        .await
        .expect("an event that was published arrives")
        .expect("the subscription stays open")
}

async fn ack(delivery: Delivery) {
    delivery
        .ack()
        .await
        .expect("the broker of the test takes acknowledgements");
}

async fn quiet(events: &mut Subscription) -> bool {
    tokio::time::timeout(QUIET, events.next()).await.is_err()
}

/// Every attribute and the data arrive as they were.
async fn payload_fidelity(fixture: &Fixture) {
    let mut events = subscribe(fixture, Group::Shared("fidelity")).await;
    let mut sent = event(SystemIds.uuid(), i64::from(i32::MAX) + 7);
    sent.actor = Some(SystemIds.uuid());
    sent.data = json!({
        "title": "naïve \u{1F680} \"quoted\" \\ \u{7f} line\nbreak", "empty": "", "none": null, "list": [1, -2.5, true, {}],
        "large": "x".repeat(200_000), "integer": 9_007_199_254_740_993_i64,
    });
    publish(fixture, Topic::TaskEvents, std::slice::from_ref(&sent)).await;
    let delivery = next(&mut events).await;
    assert_eq!(delivery.envelope, sent, "an event arrives unchanged");
    assert_eq!(
        (delivery.topic, &delivery.failure),
        (Topic::TaskEvents, &None)
    );
    ack(delivery).await;
}

/// Events of one entity arrive in the order in which they were published, also across batches.
async fn order_per_key(fixture: &Fixture) {
    let mut events = subscribe(fixture, Group::Shared("order")).await;
    let entities: Vec<Uuid> = (0..8).map(|_| SystemIds.uuid()).collect();
    for round in 0..5 {
        let batch: Vec<_> = (1..=5)
            .flat_map(|step| {
                entities
                    .iter()
                    .map(move |entity| event(*entity, round * 5 + step))
            })
            .collect();
        publish(fixture, Topic::TaskEvents, &batch).await;
    }
    let mut seen: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for _ in 0..8 * 25 {
        let delivery = next(&mut events).await;
        seen.entry(delivery.envelope.subject.clone())
            .or_default()
            .push(delivery.envelope.version);
        ack(delivery).await;
    }
    assert_eq!(seen.len(), 8);
    assert!(
        seen.values()
            .all(|versions| versions.iter().copied().eq(1..=25)),
        "the order is kept per entity: {seen:?}"
    );
}

/// A group whose only member goes misses nothing that is published meanwhile.
async fn at_least_once_across_restarts(fixture: &Fixture) {
    let entity = SystemIds.uuid();
    let mut missing: BTreeSet<i64> = (1..=20).collect();
    let mut events = subscribe(fixture, Group::Shared("restarts")).await;
    for version in 1..=10 {
        publish(fixture, Topic::TaskEvents, &[event(entity, version)]).await;
    }
    for _ in 0..5 {
        let delivery = next(&mut events).await;
        missing.remove(&delivery.envelope.version);
        ack(delivery).await;
    }
    drop(events);
    for version in 11..=20 {
        publish(fixture, Topic::TaskEvents, &[event(entity, version)]).await;
    }
    let mut events = subscribe(fixture, Group::Shared("restarts")).await;
    while !missing.is_empty() {
        let delivery = next(&mut events).await;
        missing.remove(&delivery.envelope.version);
        ack(delivery).await;
    }
}

/// An event that was not settled comes again: to the same subscription, before what follows it, and to its successor.
async fn unsettled_is_redelivered(fixture: &Fixture) {
    let entity = SystemIds.uuid();
    let mut events = subscribe(fixture, Group::Shared("unsettled")).await;
    publish(
        fixture,
        Topic::TaskEvents,
        &[event(entity, 1), event(entity, 2)],
    )
    .await;
    drop(next(&mut events).await);
    let again = next(&mut events).await;
    assert_eq!(
        again.envelope.version, 1,
        "what was dropped unsettled comes before what follows it"
    );
    drop(again);
    drop(events);
    let mut successor = subscribe(fixture, Group::Shared("unsettled")).await;
    for version in 1..=2 {
        let delivery = next(&mut successor).await;
        assert_eq!(
            delivery.envelope.version, version,
            "the successor begins with what was not settled"
        );
        ack(delivery).await;
    }
    assert!(
        quiet(&mut successor).await,
        "what was settled does not come again"
    );
}

/// Two subscriptions of a group: everything is handled, in order per entity, and the second takes over from the first.
async fn shared_group_splits(fixture: &Fixture) {
    let seen = Mutex::new(BTreeMap::<String, Vec<i64>>::new());
    let entities: Vec<Uuid> = (0..6).map(|_| SystemIds.uuid()).collect();
    let batch = |from: i64| {
        (from..from + 10)
            .flat_map(|version| entities.iter().map(move |entity| event(*entity, version)))
            .collect()
    };
    let complete = |upto: i64| {
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.len() == 6 && seen.values().all(|versions| versions.contains(&upto))
    };
    let work = async |events: &mut Subscription, upto: i64| {
        while !complete(upto) {
            // Short waits, because the other one may have taken the last event.
            if let Ok(Some(delivery)) = tokio::time::timeout(QUIET, events.next()).await {
                let Envelope {
                    subject, version, ..
                } = &delivery.envelope;
                seen.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(subject.clone())
                    .or_default()
                    .push(*version);
                ack(delivery).await;
            }
        }
    };
    let mut first = subscribe(fixture, Group::Shared("split")).await;
    let mut second = subscribe(fixture, Group::Shared("split")).await;
    let early: Vec<_> = batch(1);
    publish(fixture, Topic::TaskEvents, &early).await;
    tokio::time::timeout(DEADLINE, async {
        tokio::join!(work(&mut first, 10), work(&mut second, 10))
    })
    .await
    .expect("two subscriptions handle everything");
    drop(first);
    let late: Vec<_> = batch(11);
    publish(fixture, Topic::TaskEvents, &late).await;
    tokio::time::timeout(DEADLINE, work(&mut second, 20))
        .await
        .expect("the second takes over from the first");
    let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (subject, versions) in seen {
        // A repetition is allowed while a member comes or goes; going back to an unseen version is not.
        let mut firsts = Vec::new();
        for version in versions {
            if !firsts.contains(&version) {
                firsts.push(version);
            }
        }
        assert!(
            firsts.iter().copied().eq(1..=20),
            "entity {subject} was handled in order: {firsts:?}"
        );
    }
}

/// Each group gets every event.
async fn groups_are_independent(fixture: &Fixture) {
    let sent = event(SystemIds.uuid(), 1);
    let mut left = subscribe(fixture, Group::Shared("left")).await;
    let mut right = subscribe(fixture, Group::Shared("right")).await;
    publish(fixture, Topic::TaskEvents, std::slice::from_ref(&sent)).await;
    for events in [&mut left, &mut right] {
        let delivery = next(events).await;
        assert_eq!(delivery.envelope, sent, "each group gets the event");
        ack(delivery).await;
    }
}

/// Every broadcast subscription sees every event from its beginning on, and none from before.
async fn broadcast_reaches_all(fixture: &Fixture) {
    let entity = SystemIds.uuid();
    publish(fixture, Topic::TaskEvents, &[event(entity, 1)]).await;
    let mut first = subscribe(fixture, Group::Broadcast).await;
    let mut second = subscribe(fixture, Group::Broadcast).await;
    publish(
        fixture,
        Topic::TaskEvents,
        &[event(entity, 2), event(entity, 3)],
    )
    .await;
    for events in [&mut first, &mut second] {
        for version in 2..=3 {
            let delivery = next(events).await;
            assert_eq!(
                delivery.envelope.version, version,
                "a broadcast begins now and leaves nothing out"
            );
            ack(delivery).await;
        }
    }
}

/// What a consumer sets aside comes with its reason on the dead-letter topic, and the consumer goes on.
async fn dead_letters_are_set_aside(fixture: &Fixture) {
    let entity = SystemIds.uuid();
    let mut events = subscribe(fixture, Group::Shared("poisoned")).await;
    let (poison, good) = (event(entity, 1), event(entity, 2));
    publish(fixture, Topic::TaskEvents, &[poison.clone(), good.clone()]).await;
    let delivery = next(&mut events).await;
    delivery
        .dead_letter("it is poison: \u{2620}")
        .await
        .expect("the broker of the test takes dead letters");
    let delivery = next(&mut events).await;
    assert_eq!(
        delivery.envelope, good,
        "the consumer goes on with the next event"
    );
    ack(delivery).await;
    let dead = fixture
        .subscriber
        .dead_letters(Topic::TaskEvents, Group::Shared("redrive"))
        .await;
    let mut dead = dead.expect("the broker of the test takes subscriptions");
    let delivery = next(&mut dead).await;
    assert_eq!(delivery.envelope, poison, "the event is kept as it was");
    let failure = delivery.failure.clone().expect("a dead letter says why");
    assert_eq!(failure.reason, "it is poison: \u{2620}");
    assert!(
        failure.consumer.ends_with("poisoned"),
        "a dead letter names the consumer: {failure:?}"
    );
    assert!(
        failure.position.contains("task-events"),
        "a dead letter says where it was: {failure:?}"
    );
    ack(delivery).await;
}

/// A subscription gets the topics that it asked for, and no other.
async fn topics_are_apart(fixture: &Fixture) {
    let entity = SystemIds.uuid();
    let mut users = fixture
        .subscriber
        .subscribe(
            &[Topic::UserActivities, Topic::SystemNotifications],
            Group::Shared("apart"),
        )
        .await
        .expect("the broker of the test takes subscriptions");
    publish(fixture, Topic::TaskEvents, &[event(entity, 1)]).await;
    publish(fixture, Topic::UserActivities, &[event(entity, 2)]).await;
    publish(fixture, Topic::SystemNotifications, &[event(entity, 3)]).await;
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let delivery = next(&mut users).await;
        seen.insert((delivery.topic, delivery.envelope.version));
        ack(delivery).await;
    }
    assert_eq!(
        seen,
        BTreeSet::from([(Topic::UserActivities, 2), (Topic::SystemNotifications, 3)])
    );
}
