//! `Idempotency-Key`: the answer is kept in the transaction of its effect.
//!
//! A second request with the same key waits at the row that the first one inserted, and gets the
//! stored answer once that commits; if the first one rolls back, the second does the work.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{ApiError, Envelope, Kind, Reply};

/// How long an answer is kept.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// A request that may be sent again.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// Who asks; keys of two users never meet.
    pub principal: Uuid,
    /// The header's value.
    pub key: &'a str,
    /// Method and path, which must be the same the second time.
    pub method: &'a str,
    /// See `method`.
    pub path: &'a str,
}

/// An answer that was made now, or the one that was kept.
pub enum Answer<T> {
    /// The work was done.
    Fresh(Reply<T>),
    /// It was done before.
    Kept(Box<Response>),
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Fresh(reply) => reply.into_response(),
            Self::Kept(response) => *response,
        }
    }
}

/// What is known of the key.
pub enum Begun {
    /// Nothing: do the work and call [`finish`].
    First,
    /// The answer of the first request.
    Replay(Box<Response>),
}

/// Takes the key for this transaction, or finds the answer that it already has.
///
/// # Errors
/// 422 `idempotency_key_reused` when the key belongs to another request.
pub async fn begin(
    connection: &mut PgConnection,
    attempt: Attempt<'_>,
    body: &(impl Serialize + Sync),
    now: DateTime<Utc>,
) -> Result<Begun, ApiError> {
    let hash = Sha256::digest(serde_json::to_vec(body).map_err(ApiError::internal)?).to_vec();
    let taken = sqlx::query!(
        "insert into idempotency_keys (principal, key, method, path, request_hash, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (principal, key) do update
         set method = excluded.method, path = excluded.path, request_hash = excluded.request_hash,
             created_at = excluded.created_at, expires_at = excluded.expires_at,
             status = null, headers = null, response = null
         where idempotency_keys.expires_at <= excluded.created_at",
        attempt.principal,
        attempt.key,
        attempt.method,
        attempt.path,
        hash,
        now,
        now + LIFE,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if taken == 1 {
        return Ok(Begun::First);
    }
    let stored = sqlx::query!(
        "select method, path, request_hash, status, headers, response from idempotency_keys where principal = $1 and key = $2",
        attempt.principal,
        attempt.key,
    )
    .fetch_one(connection)
    .await?;
    if stored.method != attempt.method || stored.path != attempt.path || stored.request_hash != hash
    {
        return Err(ApiError::new(
            Kind::Invalid,
            "idempotency_key_reused",
            "this Idempotency-Key belongs to another request; use a fresh key for each new request",
        ));
    }
    Ok(Begun::Replay(Box::new(replay(
        stored.status.unwrap_or_default(),
        stored.headers.unwrap_or_default(),
        &stored.response.unwrap_or_default(),
    ))))
}

/// Keeps the answer; part of the transaction that does the work.
///
/// # Errors
/// When the answer cannot be serialised or the row cannot be written.
pub async fn finish<T: Serialize>(
    connection: &mut PgConnection,
    attempt: Attempt<'_>,
    reply: &Reply<T>,
) -> Result<(), ApiError> {
    let (status, headers) = (reply.status, &reply.headers);
    let envelope = Envelope::of(&reply.data, reply.meta.clone());
    let body = serde_json::to_value(envelope).map_err(ApiError::internal)?;
    let kept: serde_json::Map<String, Value> = [header::LOCATION, header::ETAG]
        .iter()
        .filter_map(|name| {
            Some((
                name.as_str().to_owned(),
                headers.get(name)?.to_str().ok()?.into(),
            ))
        })
        .collect();
    sqlx::query!(
        "update idempotency_keys set status = $3, headers = $4, response = $5 where principal = $1 and key = $2",
        attempt.principal,
        attempt.key,
        i32::from(status.as_u16()),
        Value::Object(kept),
        body,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn replay(status: i32, headers: Value, body: &Value) -> Response {
    let status = u16::try_from(status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .unwrap_or(StatusCode::OK);
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response();
    let replayed = HeaderName::from_static("idempotent-replayed");
    response
        .headers_mut()
        .insert(replayed, HeaderValue::from_static("true"));
    let Value::Object(kept) = headers else {
        return response;
    };
    for (name, value) in kept {
        let pair = HeaderName::try_from(name).ok().zip(
            value
                .as_str()
                .and_then(|text| HeaderValue::from_str(text).ok()),
        );
        if let Some((name, value)) = pair {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
