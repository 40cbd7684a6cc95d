//! Users, and events of tasks.

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use common_events::Envelope;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) async fn user(pool: &PgPool) -> Uuid {
    let id = SystemIds.uuid();
    sqlx::query(
        "insert into users (id, email, name, password_hash, created_at, updated_at)
         values ($1, $2, 'A', '-', $3, $3)",
    )
    .bind(id)
    .bind(format!("{id}@example.org"))
    .bind(SystemClock.now())
    .execute(pool)
    .await
    .expect("a user");
    id
}

/// An event: `actor` gave a task to `owner`, `minute` minutes after nine.
pub(crate) fn given(actor: Uuid, owner: Uuid, minute: i64) -> Envelope {
    let nine: DateTime<Utc> = "2026-03-02T09:00:00Z".parse().expect("a time");
    let (task, at) = (SystemIds.uuid(), nine + TimeDelta::minutes(minute));
    Envelope {
        id: SystemIds.uuid(),
        source: "/crewdeck".to_owned(),
        event_type: "task.updated.v1".to_owned(),
        subject: task.to_string(),
        time: at,
        dataschema: "urn:crewdeck:event:task.updated.v1".to_owned(),
        sequence: minute,
        version: 2,
        actor: Some(actor),
        data: json!({
            "task_id": task, "team_id": Uuid::from_u128(2), "title": format!("task {minute}"), "status": "todo",
            "owner_id": owner, "due_at": null, "version": 2, "actor_id": actor, "occurred_at": at,
            "changed": ["owner_id"],
        }),
    }
}
