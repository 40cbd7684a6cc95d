//! Use cases: everybody has their own notifications and sees no others.

use common_events::inbox;
use common_http::{Limit, Principal};
use sqlx::PgPool;
use uuid::Uuid;

use crate::model::{NewNotification, Notification};
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
        principal.user_id,
        unread,
        after,
        limit.rows_and_one(),
    )
    .await
}

/// Marks one of the caller's notifications as read.
pub(crate) async fn mark_read(
    notifications: &Notifications,
    principal: &Principal,
    id: Uuid,
) -> Result<Notification, Error> {
    let mut connection = notifications.pools.write.acquire().await?;
    store::mark_read(
        &mut connection,
        principal.user_id,
        id,
        notifications.clock.now(),
    )
    .await
}

/// Files a notification of an event, once however often `consumer` gets the event.
pub(crate) async fn file(
    pool: &PgPool,
    consumer: &str,
    event: Uuid,
    new: &NewNotification,
) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    if inbox::first_time(&mut transaction, consumer, event).await? {
        store::insert(&mut transaction, event, new).await?;
        transaction.commit().await?;
    }
    Ok(())
}
