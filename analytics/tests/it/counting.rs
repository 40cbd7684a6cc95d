//! The role `analytics-worker`: each event counts once, on its own day.

use common_clock::testing::wait_for;
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use common_events::{Envelope, EventPublisher as _, EventsConfig, MemoryBus, Topic, Transport};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::prepare;
use crate::world::{Role, Settings};

fn event(event_type: &str, data: Value) -> Envelope {
    Envelope {
        id: SystemIds.uuid(),
        source: "/crewdeck".to_owned(),
        event_type: event_type.to_owned(),
        subject: SystemIds.uuid().to_string(),
        time: SystemClock.now(),
        dataschema: format!("/docs/events/{event_type}.json"),
        sequence: 1,
        version: 1,
        actor: None,
        data,
    }
}

fn task(event_type: &str, team: Uuid, status: &str, day: &str) -> Envelope {
    event(
        event_type,
        json!({"task_id": SystemIds.uuid(), "team_id": team, "title": "t", "status": status, "changed": ["status"],
            "occurred_at": format!("{day}T12:00:00Z")}),
    )
}

fn worker(pool: &PgPool, bus: &MemoryBus) -> Role {
    let (source, events) = (
        Settings::of(pool).source(),
        EventsConfig::new(Transport::Memory),
    );
    Role::start("analytics-worker", |service| {
        analytics::roles::analytics_worker::start(&source, service, events, bus.clone())
    })
}

/// `(day, created, completed, archived)` of a team, by day.
async fn days(pool: &PgPool, team: Uuid) -> Vec<(String, i64, i64, i64)> {
    sqlx::query_as(
        "select day::text, created, completed, archived from analytics.daily_task_counts
         where team_id = $1 order by day",
    )
    .bind(team)
    .fetch_all(pool)
    .await
    .expect("readable")
}

/// Publishes `events` and waits until all of them were handled, told by one that follows them.
async fn handled(pool: &PgPool, bus: &MemoryBus, mut events: Vec<Envelope>) {
    let marker = SystemIds.uuid();
    events.push(task("task.created.v1", marker, "todo", "2026-01-01"));
    bus.publish(Topic::TaskEvents, &events)
        .await
        .expect("published");
    wait_for("the events to be handled", async || {
        let found = days(pool, marker).await;
        (!found.is_empty())
            .then_some(())
            .ok_or("not yet".to_owned())
    })
    .await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn acts_are_counted_on_their_days(pool: PgPool) {
    prepare(&pool).await;
    let (bus, team, other) = (MemoryBus::default(), SystemIds.uuid(), SystemIds.uuid());
    let role = worker(&pool, &bus);
    role.ready().await;
    let events = vec![
        task("task.created.v1", team, "todo", "2026-03-02"),
        task("task.created.v1", team, "done", "2026-03-02"),
        task("task.created.v1", other, "todo", "2026-03-02"),
        task("task.updated.v1", team, "done", "2026-03-03"),
        task("task.updated.v1", team, "doing", "2026-03-03"),
        task("task.archived.v1", team, "done", "2026-03-03"),
        task("task.restored.v1", team, "done", "2026-03-03"),
        // Late: it is told after the others and belongs before them.
        task("task.created.v1", team, "todo", "2026-03-01"),
    ];
    handled(&pool, &bus, events).await;
    let day =
        |day: &str, created, completed, archived| (day.to_owned(), created, completed, archived);
    let expected = [
        day("2026-03-01", 1, 0, 0),
        day("2026-03-02", 2, 1, 0),
        day("2026-03-03", 0, 1, 1),
    ];
    assert_eq!(days(&pool, team).await, expected);
    assert_eq!(days(&pool, other).await, [day("2026-03-02", 1, 0, 0)]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_repeated_event_counts_once_also_after_a_restart(pool: PgPool) {
    prepare(&pool).await;
    let team = SystemIds.uuid();
    let created = task("task.created.v1", team, "todo", "2026-03-02");
    for _ in 0..2 {
        // A new bus knows nothing of what was handled: everything is delivered again.
        let bus = MemoryBus::default();
        let role = worker(&pool, &bus);
        role.ready().await;
        handled(&pool, &bus, vec![created.clone(), created.clone()]).await;
    }
    assert_eq!(
        days(&pool, team).await,
        [("2026-03-02".to_owned(), 1, 0, 0)]
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_event_of_another_shape_is_set_aside_and_does_not_block(pool: PgPool) {
    use common_events::{EventSubscriber as _, Group};

    prepare(&pool).await;
    let bus = MemoryBus::default();
    let mut aside = bus
        .dead_letters(Topic::TaskEvents, Group::Broadcast)
        .await
        .expect("subscribed");
    let role = worker(&pool, &bus);
    role.ready().await;
    let strange = event("task.created.v1", json!({"title": "no team"}));
    handled(&pool, &bus, vec![strange.clone()]).await;
    let delivery = aside.next().await.expect("the bus lives");
    assert_eq!(delivery.envelope.id, strange.id);
    let failure = delivery.failure.expect("a reason");
    assert!(failure.reason.contains("team_id"), "{}", failure.reason);
}
