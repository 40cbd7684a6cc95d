//! The outbox: events recorded in the transaction that makes them true, until the relay has published them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::EventError,
    outgoing::{MAX_PAYLOAD_BYTES, Outgoing},
    topic::Topic,
};

/// Channel of `LISTEN` that a new row wakes.
pub const NOTIFY_CHANNEL: &str = "outbox";

/// Records an event in the caller's transaction. Take the entity's row lock first (an update of the row does): then the
/// order of ids is the order of versions. A store with a hot write may insert the same columns in its own statement.
///
/// # Errors
/// `EventError::TooLarge`, or `EventError::Unavailable` with the error of the database.
pub async fn insert(conn: &mut PgConnection, event: &Outgoing) -> Result<(), EventError> {
    check_size(event)?;
    sqlx::query(
        "insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor) \
         values (gen_random_uuid(), $1, $2, $3, $4, $5, $6)",
    )
    .bind(event.topic.as_str())
    .bind(event.event_type)
    .bind(event.entity_id)
    .bind(event.version)
    .bind(&event.payload)
    .bind(event.actor)
    .execute(&mut *conn)
    .await
    .map_err(|source| {
        EventError::unavailable("outbox", format!("recording {}", event.event_type), source)
    })?;
    Ok(())
}

/// Refuses a payload that a broker could refuse. For stores that insert into the outbox themselves.
///
/// # Errors
/// `EventError::TooLarge`.
pub fn check_size(event: &Outgoing) -> Result<(), EventError> {
    let bytes = event.payload.to_string().len();
    if bytes > MAX_PAYLOAD_BYTES {
        return Err(EventError::TooLarge {
            event_type: event.event_type.to_owned(),
            bytes,
        });
    }
    Ok(())
}

/// Deletes events that were published longer ago than this, at most so many, the oldest first; returns how many.
///
/// # Errors
/// Those of the database.
pub async fn purge(conn: &mut PgConnection, hours: u16, most: u32) -> Result<u64, sqlx::Error> {
    let deleted = sqlx::query(
        "delete from outbox where id in (select id from outbox \
         where sent_at < now() - make_interval(hours => $1) order by id limit $2)",
    )
    .bind(i32::from(hours))
    .bind(i64::from(most))
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}

/// A recorded event that is to be published.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Unsent {
    pub(crate) id: i64,
    pub(crate) event_id: Uuid,
    pub(crate) topic: String,
    pub(crate) event_type: String,
    pub(crate) entity_id: Uuid,
    pub(crate) version: i64,
    pub(crate) payload: Value,
    pub(crate) actor: Option<Uuid>,
    pub(crate) created_at: DateTime<Utc>,
}

/// The oldest unsent events. Ids of one entity follow its versions, so none of its events can be missing from the
/// front of this list: a flag per row, unlike a cursor, cannot skip what commits late. A topic that only a newer version
/// of the platform knows is left to that version.
pub(crate) async fn unsent(
    conn: &mut PgConnection,
    limit: i64,
) -> Result<Vec<Unsent>, sqlx::Error> {
    sqlx::query_as(
        "select id, event_id, topic, event_type, entity_id, version, payload, actor, created_at \
         from outbox where sent_at is null and topic = any($1) order by id limit $2",
    )
    .bind(Topic::ALL.map(Topic::as_str).as_slice())
    .bind(limit)
    .fetch_all(conn)
    .await
}

pub(crate) async fn mark_sent(conn: &mut PgConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query("update outbox set sent_at = now() where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes the lock of the one active relay of this database, held by the session until it ends.
pub(crate) async fn try_lock(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtextextended('crewdeck.outbox.relay', 0))")
        .fetch_one(conn)
        .await
}
