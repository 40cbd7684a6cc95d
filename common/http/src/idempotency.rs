//! Kept answers: all SQL about `Idempotency-Key`. Each runs in the transaction of the effect that is answered.
//!
//! Whoever works under a key holds an advisory lock on it until the transaction ends, so that another request with the
//! key knows at once that the first is at work. A row would not tell: PostgreSQL shows it to nobody before it is
//! committed, and lets whoever inserts it a second time wait for that.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::reply::Rendered;
use crate::write::Key;
use crate::{ApiError, Principal};

/// How long an answer is kept.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// What is known of a key.
pub(crate) enum Taken {
    /// Nothing: the work is to be done, and its answer to be kept.
    First,
    /// The request was answered so.
    Kept(Rendered),
    /// Somebody works under the key now.
    InFlight,
    /// The key belongs to another request.
    Reused,
}

/// Takes the key for this transaction, or tells why it cannot be had. Waits for nobody.
///
/// # Errors
/// When the database fails, or holds what is no answer.
pub(crate) async fn take(
    connection: &mut PgConnection,
    principal: &Principal,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Taken, ApiError> {
    let fingerprint = key.fingerprint();
    let taken = sqlx::query!(
        "with held as materialized (select pg_try_advisory_xact_lock($8) as is_free)
         insert into idempotency_keys (principal, key, method, path, request_hash, created_at, expires_at)
         select $1, $2, $3, $4, $5, $6, $7 from held where is_free
         on conflict (principal, key) do update
         set method = excluded.method, path = excluded.path, request_hash = excluded.request_hash,
             created_at = excluded.created_at, expires_at = excluded.expires_at,
             status = null, headers = null, body = null
         where idempotency_keys.expires_at <= excluded.created_at",
        principal.user_id,
        key.text,
        key.method,
        key.target,
        fingerprint,
        now,
        now + LIFE,
        lock_of(principal.user_id, &key.text),
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if taken == 1 {
        return Ok(Taken::First);
    }
    // A statement of its own: it sees what was committed while the first one looked.
    let kept = sqlx::query!(
        "select request_hash, status, headers, body from idempotency_keys
         where principal = $1 and key = $2 and expires_at > $3",
        principal.user_id,
        key.text,
        now,
    )
    .fetch_optional(connection)
    .await?;
    let Some(kept) = kept else {
        return Ok(Taken::InFlight);
    };
    if kept.request_hash != fingerprint {
        return Ok(Taken::Reused);
    }
    let answer = kept.status.zip(kept.headers).zip(kept.body);
    answer
        .and_then(|((status, headers), body)| {
            Some(Rendered {
                status: StatusCode::from_u16(u16::try_from(status).ok()?).ok()?,
                headers: headers_of(headers)?,
                body,
            })
        })
        .map(Taken::Kept)
        .ok_or_else(|| ApiError::internal("idempotency_keys holds a row that is no answer"))
}

/// Keeps the answer under the key that this transaction took.
///
/// # Errors
/// When a header is no text, or the database fails.
pub(crate) async fn keep(
    connection: &mut PgConnection,
    principal: &Principal,
    key: &Key,
    answer: &Rendered,
) -> Result<(), ApiError> {
    let mut headers = Map::new();
    for (name, value) in &answer.headers {
        let value = value.to_str().map_err(ApiError::internal)?;
        headers.insert(name.to_string(), value.into());
    }
    sqlx::query!(
        "update idempotency_keys set status = $3, headers = $4, body = $5 where principal = $1 and key = $2",
        principal.user_id,
        key.text,
        i32::from(answer.status.as_u16()),
        Value::Object(headers),
        answer.body,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes at most so many answers whose time is over; gives their number.
///
/// # Errors
/// When the database fails.
pub async fn purge(connection: &mut PgConnection, most: u32) -> Result<u64, sqlx::Error> {
    let purged = sqlx::query!(
        // A row that is locked is being taken for a new request.
        "delete from idempotency_keys where ctid = any(array(
             select ctid from idempotency_keys where expires_at <= now() limit $1 for update skip locked))",
        i64::from(most),
    )
    .execute(connection)
    .await?;
    Ok(purged.rows_affected())
}

/// Number of the key's lock. Two keys may share one, which is as unlikely as 64 bits are: one is told then that it is in flight.
fn lock_of(principal: Uuid, key: &str) -> i64 {
    let digest = Sha256::new()
        .chain_update(principal.as_bytes())
        .chain_update(key)
        .finalize();
    let mut number = [0; 8];
    number.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(number)
}

fn headers_of(kept: Value) -> Option<HeaderMap> {
    let Value::Object(kept) = kept else {
        return None;
    };
    kept.into_iter()
        .map(|(name, value)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        })
        .collect()
}
