//! All SQL of the domain. Every statement names whose notifications it is about.

pub(crate) mod scope;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Error;
use crate::model::{NewNotification, Notification};
use scope::Own;

/// Where a list goes on: creation time and id of the last row.
pub(crate) type Position = (DateTime<Utc>, Uuid);

/// Adds a notification of an event.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    event: Uuid,
    new: &NewNotification,
) -> Result<(), sqlx::Error> {
    // The event's name is unique and made in time order, as an id has to be; a person gets one row for each event.
    sqlx::query!(
        "insert into notifications (id, user_id, event_id, kind, task_id, title, created_at)
         values ($1, $2, $1, $3, $4, $5, $6)",
        event,
        new.user_id,
        new.kind,
        new.task_id,
        new.title,
        new.at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notifications of whoever asks, newest first, after a position.
pub(crate) async fn page(
    connection: &mut PgConnection,
    own: Own,
    unread: bool,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<Notification>, Error> {
    let (at, id) = after.unzip();
    Ok(sqlx::query_as!(
        Notification,
        "select id, kind, task_id, title, read_at, created_at from notifications
         where user_id = $1 and (not $2 or read_at is null)
           and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
         order by created_at desc, id desc limit $5",
        own.user(),
        unread,
        at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?)
}

/// Marks a notification of whoever asks as read; the first time counts.
pub(crate) async fn mark_read(
    connection: &mut PgConnection,
    own: Own,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<Notification, Error> {
    sqlx::query_as!(
        Notification,
        "update notifications set read_at = coalesce(read_at, $3) where id = $1 and user_id = $2
         returning id, kind, task_id, title, read_at, created_at",
        id,
        own.user(),
        at,
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::NotFound)
}
