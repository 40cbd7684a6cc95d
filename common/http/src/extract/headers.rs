//! Headers that change what a request means.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use crate::{ApiError, Kind};

/// Name of the request in logs, events and problems.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// The version that the caller has seen (`If-Match`); `None` when it does not care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        version(&parts.headers, &header::IF_MATCH).map(Self)
    }
}

/// The version that the caller holds (`If-None-Match`), for 304.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfNoneMatch(pub Option<i64>);

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // An ETag that is not one of ours matches nothing: the answer is sent whole.
        Ok(Self(
            version(&parts.headers, &header::IF_NONE_MATCH)
                .ok()
                .flatten(),
        ))
    }
}

fn version(headers: &HeaderMap, name: &HeaderName) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| {
            ApiError::new(
                Kind::BadRequest,
                "etag_invalid",
                format!("{name} must be one ETag as this API gave it, e.g. \"3\"; given: {text}"),
            )
        })
}

/// The key under which an answer is kept (`Idempotency-Key`), if the caller sent one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        match value.to_str() {
            Ok(key) if (1..=255).contains(&key.len()) => Ok(Self(Some(key.to_owned()))),
            _ => Err(ApiError::new(
                Kind::BadRequest,
                "idempotency_key_invalid",
                "Idempotency-Key must have 1 to 255 visible ASCII characters",
            )),
        }
    }
}
