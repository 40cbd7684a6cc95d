//! Rows of the domain of users, which this domain only reads, counts of what was recorded, and what holds up a change.

use std::time::Duration;

use chrono::{DateTime, Utc};
use common_clock::{Clock as _, Ids as _, SystemClock, SystemIds};
use serde_json::Value;
use sqlx::{PgPool, Postgres, Transaction};
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

/// A team of these users.
pub(crate) async fn team(pool: &PgPool, members: &[(Uuid, &str)]) -> Uuid {
    let (id, now) = (SystemIds.uuid(), SystemClock.now());
    sqlx::query(
        "insert into teams (id, name, created_by, created_at, updated_at) values ($1, 'T', $2, $3, $3)",
    )
    .bind(id)
    .bind(members[0].0)
    .bind(now)
    .execute(pool)
    .await
    .expect("a team");
    for (user, role) in members {
        join(pool, id, *user, role, now).await;
    }
    id
}

async fn join(pool: &PgPool, team: Uuid, user: Uuid, role: &str, at: DateTime<Utc>) {
    sqlx::query(
        "insert into memberships (team_id, user_id, role, created_at) values ($1, $2, $3, $4)",
    )
    .bind(team)
    .bind(user)
    .bind(role)
    .bind(at)
    .execute(pool)
    .await
    .expect("a membership");
}

/// A user alone in a team.
pub(crate) async fn alone(pool: &PgPool) -> (Uuid, Uuid) {
    let user = user(pool).await;
    (user, team(pool, &[(user, "owner")]).await)
}

/// Types of the events of the task, oldest first.
pub(crate) async fn events(pool: &PgPool, task: &Value) -> Vec<String> {
    sqlx::query_scalar("select event_type from outbox where entity_id = $1::uuid order by id")
        .bind(task["id"].as_str())
        .fetch_all(pool)
        .await
        .expect("the outbox")
}

/// One number.
pub(crate) async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(pool)
        .await
        .expect("a count")
}

/// Keeps every change from recording its event until the transaction ends.
pub(crate) async fn hold_outbox(pool: &PgPool) -> Transaction<'static, Postgres> {
    let mut held = common_db::begin(pool).await.expect("a transaction");
    sqlx::query("lock table outbox in share mode")
        .execute(&mut *held)
        .await
        .expect("a lock");
    held
}

/// Until a change waits for the outbox; gives its process in the database.
pub(crate) async fn waits_for_outbox(pool: &PgPool) -> i32 {
    let look = async {
        loop {
            let waiting =
                "select pid from pg_locks where relation = 'outbox'::regclass and not granted
                and database = (select oid from pg_database where datname = current_database())";
            let pid: Option<i32> = sqlx::query_scalar(waiting)
                .fetch_optional(pool)
                .await
                .expect("the locks");
            if let Some(pid) = pid {
                return pid;
            }
        }
    };
    let deadline = Duration::from_secs(20);
    tokio::time::timeout(deadline, look)
        .await
        .expect("a change waits")
}
