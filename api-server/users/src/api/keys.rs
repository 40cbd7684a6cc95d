//! Public keys: `/.well-known/jwks.json` and `/auth/keys/public`.
//!
//! They come from the verifier's set, so what is served is what is accepted; a process without keys
//! does not start, and an empty set is never accepted (K6).

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use common_http::{ApiError, ApiResult, IfNoneMatch};
use utoipa::ToSchema;

use crate::Users;

/// A key set of RFC 7517.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it has a shape, and no values: the verifier has the text"
)]
struct KeySet {
    /// The public keys, each with its `kid`.
    #[schema(value_type = Vec<Object>)]
    keys: (),
}

/// Keys that verify access tokens
///
/// An RFC 7517 key set, not in the envelope; cache it for as long as `Cache-Control` says.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "keys", security(()), params(IfNoneMatch), responses(
    (status = 200, description = "The key set", body = KeySet, content_type = "application/jwk-set+json", headers(("ETag" = String, description = "For `If-None-Match`"), ("Cache-Control" = String, description = "How long it may be kept"))),
    (status = 304, description = "Unchanged: `If-None-Match` names this set", headers(("ETag" = String), ("Cache-Control" = String))),
    (status = 503, description = "`unavailable`: no keys"),
))]
pub(super) async fn jwks(State(users): State<Users>, held: IfNoneMatch) -> ApiResult<Response> {
    answer(&users, &held)
}

/// The same keys under their second name
#[utoipa::path(get, path = "/auth/keys/public", tag = "keys", security(()), params(IfNoneMatch), responses(
    (status = 200, description = "The key set", body = KeySet, content_type = "application/jwk-set+json", headers(("ETag" = String, description = "For `If-None-Match`"), ("Cache-Control" = String, description = "How long it may be kept"))),
    (status = 304, description = "Unchanged: `If-None-Match` names this set", headers(("ETag" = String), ("Cache-Control" = String))),
    (status = 503, description = "`unavailable`: no keys"),
))]
pub(super) async fn public_keys(
    State(users): State<Users>,
    held: IfNoneMatch,
) -> ApiResult<Response> {
    answer(&users, &held)
}

fn answer(users: &Users, held: &IfNoneMatch) -> ApiResult<Response> {
    if let Some(missing) = users.missing_keys() {
        return Err(missing);
    }
    let set = users.verifier.key_set();
    let etag = HeaderValue::from_str(set.etag()).map_err(ApiError::internal)?;
    let is_held = held.has(&etag);
    let seconds = users.auth.jwks_max_age_seconds;
    let life = format!("public, max-age={seconds}, must-revalidate");
    let life = HeaderValue::from_str(&life).map_err(ApiError::internal)?;
    let cache = [(header::ETAG, etag), (header::CACHE_CONTROL, life)];
    if is_held {
        return Ok((StatusCode::NOT_MODIFIED, cache).into_response());
    }
    let kind = [(header::CONTENT_TYPE, "application/jwk-set+json")];
    Ok((cache, kind, set.document().to_owned()).into_response())
}
