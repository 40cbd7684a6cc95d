//! Public keys: `/.well-known/jwks.json` and `/auth/keys/public`.
//!
//! They come from the verifier's set, so what is served is what is accepted; a process without keys
//! does not start, and an empty set is never accepted (K6).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
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
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "keys", security(()), responses(
    (status = 200, description = "The key set", body = KeySet, content_type = "application/jwk-set+json", headers(("ETag" = String, description = "For `If-None-Match`"), ("Cache-Control" = String, description = "How long it may be kept"))),
    (status = 304, description = "Unchanged: `If-None-Match` names this set", headers(("ETag" = String), ("Cache-Control" = String))),
    (status = 503, description = "`unavailable`: no keys"),
))]
pub(super) async fn jwks(State(users): State<Users>, headers: HeaderMap) -> Response {
    answer(&users, &headers)
}

/// The same keys under their second name
#[utoipa::path(get, path = "/auth/keys/public", tag = "keys", security(()), responses(
    (status = 200, description = "The key set", body = KeySet, content_type = "application/jwk-set+json", headers(("ETag" = String, description = "For `If-None-Match`"), ("Cache-Control" = String, description = "How long it may be kept"))),
    (status = 304, description = "Unchanged: `If-None-Match` names this set", headers(("ETag" = String), ("Cache-Control" = String))),
    (status = 503, description = "`unavailable`: no keys"),
))]
pub(super) async fn public_keys(State(users): State<Users>, headers: HeaderMap) -> Response {
    answer(&users, &headers)
}

fn answer(users: &Users, headers: &HeaderMap) -> Response {
    if let Some(missing) = users.missing_keys() {
        return missing.into_response();
    }
    let set = users.verifier.key_set();
    let etag = set.etag();
    let unchanged = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|given| given.split(',').any(|one| one.trim() == etag));
    let seconds = users.auth.jwks_max_age_seconds;
    let cache = [
        (header::ETAG, etag.to_owned()),
        (
            header::CACHE_CONTROL,
            format!("public, max-age={seconds}, must-revalidate"),
        ),
        (header::CONTENT_TYPE, "application/jwk-set+json".to_owned()),
    ];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    (cache, set.document().to_owned()).into_response()
}
