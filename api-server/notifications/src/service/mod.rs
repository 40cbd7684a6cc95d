//! Use cases: everybody has their own notifications and sees no others.

use common_events::inbox;
use common_http::{ApiResult, Attempt, Effect, Limit, Principal, Reply, Written};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::model::{NewNotification, Notification};
use crate::store::scope::Own;
use crate::store::{self, Position};
use crate::{Error, Notifications};

/// A page of the caller's notifications; one row more than `limit` when it goes on.
pub(crate) async fn list(
    notifications: &Notifications,
    principal: &Principal,
    unread: bool,
    after: Option<Position>,
    limit: Limit,
) -> Result<Vec<Notification>, Error> {
    let mut connection = notifications.pools.write.acquire().await?;
    store::page(
        &mut connection,
        Own::of(principal),
        unread,
        after,
        limit.rows_and_one(),
    )
    .await
}

/// Marks one of the caller's notifications as read.
pub(crate) async fn mark_read<V: Serialize>(
    notifications: &Notifications,
    attempt: &Attempt,
    id: Uuid,
    answer: impl FnOnce(Notification) -> Reply<V>,
) -> ApiResult<Written> {
    let (pool, now) = (&notifications.pools.write, notifications.clock.now());
    let work = async |connection: &mut PgConnection| {
        let own = Own::of(&attempt.principal);
        let read = store::mark_read(connection, own, id, now).await?;
        Ok(Effect::Changed(read))
    };
    attempt.in_one_statement(pool, now, work, answer).await
}

/// Files a notification of an event, once however often `consumer` gets the event.
pub(crate) async fn file(
    pool: &PgPool,
    consumer: &str,
    event: Uuid,
    new: &NewNotification,
) -> Result<(), sqlx::Error> {
    let mut transaction = common_db::begin(pool).await?;
    if inbox::first_time(&mut transaction, consumer, event).await? {
        store::insert(&mut transaction, event, new).await?;
        transaction.commit().await?;
    }
    Ok(())
}
