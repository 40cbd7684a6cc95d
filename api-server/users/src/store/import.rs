//! Users of a former system on their way in.

use sqlx::PgConnection;
use uuid::Uuid;

use super::Change;
use super::scope::Platform;
use crate::Error;
use crate::model::ImportedUser;

/// Those of `addresses`, in lower case, that somebody has or had.
pub(crate) async fn present(
    connection: &mut PgConnection,
    _: Platform,
    addresses: &[String],
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select lower(email) as "email!" from users where lower(email) = any($1)"#,
        addresses
    )
    .fetch_all(connection)
    .await?)
}

/// Adds a user with its audit row and, if it can sign in, its event; tells whether it was added, or an active user has its
/// address.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    _: Platform,
    id: Uuid,
    user: &ImportedUser,
    change: &Change,
) -> Result<bool, Error> {
    let diff = serde_json::json!({
        "email": {"before": null, "after": user.email.as_str()},
        "is_archived": {"before": null, "after": !user.is_active},
    });
    let added = sqlx::query_scalar!(
        r#"with u as (
            insert into users (id, email, name, password_hash, is_archived, created_at, updated_at)
            values ($1, $2, $3, $4, not $5::boolean, $6, $7)
            on conflict do nothing
            returning id, version
        ), a as (
            insert into audit (entity, entity_id, action, diff, request_id, at)
            select 'user', id, 'user.imported', $8, $9, $7 from u
        ), o as (
            insert into outbox (event_id, topic, event_type, entity_id, version, payload, created_at)
            select $10, $11, $12, id, version, $13, $7 from u where $5
        )
        select exists (select from u) as "added!""#,
        id,
        user.email.as_str(),
        user.name.as_str(),
        user.password_hash,
        user.is_active,
        user.joined_at,
        change.at,
        diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.payload,
    )
    .fetch_one(connection)
    .await?;
    Ok(added)
}
