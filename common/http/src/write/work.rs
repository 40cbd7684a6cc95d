//! The unit of work: what it changes, what it answers and the key that it was asked with become true together, or not at all.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::time::Duration;

use super::Attempt;
use crate::idempotency::{self, Taken};
use crate::reply::Rendered;
use crate::{ApiError, ApiResult, Kind, Reply};

/// When to try again while the first request with a key is still at work.
const SOON: Duration = Duration::from_secs(1);

/// What came of the work.
#[derive(Debug)]
pub enum Effect<T> {
    /// Something is not what it was.
    Changed(T),
    /// Everything was as it was asked for: nothing is written, and nothing is to be logged.
    Unchanged(T),
}

impl Attempt {
    /// Works in a transaction, and keeps the effect and its answer; of a request that is only tried out nothing.
    ///
    /// # Errors
    /// What `work` refuses. 409 `idempotency_key_in_flight` at once, when the first request with the same key is still
    /// at work; 422 `idempotency_key_reused` when the key belongs to another request. When the database fails nothing is
    /// kept, unless the connection was lost in the commit: the caller's next try with the same key tells.
    pub async fn in_transaction<T, V: Serialize>(
        &self,
        pool: &PgPool,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(&mut PgConnection) -> ApiResult<Effect<T>>,
        answer: impl FnOnce(T) -> Reply<V>,
    ) -> ApiResult<Written> {
        let mut transaction = common_db::begin(pool).await?;
        if let Some(key) = &self.key {
            let known = match idempotency::take(&mut transaction, &self.principal, key, now).await?
            {
                Taken::First => None,
                Taken::Kept(rendered) => Some(Ok(Written::again(rendered))),
                Taken::InFlight => Some(Err(in_flight())),
                Taken::Reused => Some(Err(reused())),
            };
            if let Some(answer) = known {
                let_go_of_the_key(transaction).await;
                return answer;
            }
        }
        let (value, is_changed) = match work(&mut transaction).await {
            Ok(Effect::Changed(value)) => (value, true),
            Ok(Effect::Unchanged(value)) => (value, false),
            Err(refusal) => {
                if self.key.is_some() {
                    let_go_of_the_key(transaction).await;
                }
                return Err(refusal);
            }
        };
        let reply = answer(value);
        if self.is_dry_run {
            transaction.rollback().await?;
            return Ok(Written::now(reply.tried_out().render()?, false));
        }
        let rendered = reply.render()?;
        if let Some(key) = &self.key {
            idempotency::keep(&mut transaction, &self.principal, key, &rendered).await?;
        }
        if is_changed || self.key.is_some() {
            transaction.commit().await?;
        }
        Ok(Written::now(rendered, is_changed))
    }

    /// The same for work that writes all it writes in one statement, which needs no transaction around it: without a key,
    /// and unless it is tried out, it costs no further round trip.
    ///
    /// # Errors
    /// As [`Attempt::in_transaction`].
    pub async fn in_one_statement<T, V: Serialize>(
        &self,
        pool: &PgPool,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(&mut PgConnection) -> ApiResult<Effect<T>>,
        answer: impl FnOnce(T) -> Reply<V>,
    ) -> ApiResult<Written> {
        if self.key.is_some() || self.is_dry_run {
            return self.in_transaction(pool, now, work, answer).await;
        }
        let mut connection = pool.acquire().await?;
        let (value, is_changed) = match work(&mut connection).await? {
            Effect::Changed(value) => (value, true),
            Effect::Unchanged(value) => (value, false),
        };
        Ok(Written::now(answer(value).render()?, is_changed))
    }
}

/// Ends a transaction that changed nothing, before its answer is sent: the next request may come with the same key, and
/// would find it in flight. Should it fail, the server ends it.
async fn let_go_of_the_key(transaction: Transaction<'_, Postgres>) {
    let _ = transaction.rollback().await;
}

/// The answer to an [`Attempt`].
#[derive(Debug)]
pub struct Written {
    rendered: Rendered,
    is_kept: bool,
}

impl Written {
    fn now(rendered: Rendered, is_kept: bool) -> Self {
        Self { rendered, is_kept }
    }

    fn again(mut rendered: Rendered) -> Self {
        rendered.headers.insert(
            HeaderName::from_static("idempotent-replayed"),
            HeaderValue::from_static("true"),
        );
        Self::now(rendered, false)
    }

    /// Whether this request changed something that stays: then there is an act to log.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        self.rendered.into_response()
    }
}

fn in_flight() -> ApiError {
    ApiError::new(
        Kind::Conflict,
        "idempotency_key_in_flight",
        "the first request with this Idempotency-Key is still at work; send it again to get its answer",
    )
    .with_retry_after(SOON)
}

fn reused() -> ApiError {
    ApiError::new(
        Kind::Invalid,
        "idempotency_key_reused",
        "this Idempotency-Key belongs to a request with another method, path, query, If-Match or body; use a fresh key for each new request",
    )
}
