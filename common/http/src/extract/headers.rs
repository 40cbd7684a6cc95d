//! Headers that change what a request means.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use crate::{ApiError, Kind, TextRule};

/// An `ETag` of ours, or any.
static ETAG: TextRule = TextRule::exactly(r#"^(\*|"[0-9]{1,18}")$"#);
/// Visible characters; between them there may be spaces, around them HTTP takes spaces away.
static KEY: TextRule = TextRule::chars(1, 255).like("^[!-~]([ -~]*[!-~])?$");

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

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` that the caller saw: with another version the answer is 412";
        parameter("If-Match", about, &ETAG, "\"3\"")
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
    if !ETAG.allows(text) {
        return Err(ApiError::new(
            Kind::BadRequest,
            "etag_invalid",
            format!("{name} must be one ETag as this API gave it, e.g. \"3\"; given: {text}"),
        ));
    }
    Ok(text.trim_matches('"').parse().ok())
}

/// A header that may be sent.
fn parameter(name: &str, about: &str, rule: &TextRule, example: &str) -> Vec<Parameter> {
    let schema = rule.schema().examples([example]);
    vec![
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(schema))
            .build(),
    ]
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
            Ok(key) if KEY.allows(key) => Ok(Self(Some(key.to_owned()))),
            _ => Err(ApiError::new(
                Kind::BadRequest,
                "idempotency_key_invalid",
                "Idempotency-Key must have 1 to 255 visible ASCII characters",
            )),
        }
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "A fresh name for each new thing: a request that is sent again with it gets the first answer";
        parameter("Idempotency-Key", about, &KEY, "01JNQ7-oil-the-engine")
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("\"3\"", Ok(Some(3)))]
    #[case("*", Ok(None))]
    #[case("3", Err("etag_invalid"))]
    #[case("\"-3\"", Err("etag_invalid"))]
    #[case("\"+3\"", Err("etag_invalid"))]
    #[case("\"9999999999999999999\"", Err("etag_invalid"))]
    #[case("W/\"3\"", Err("etag_invalid"))]
    fn an_etag_is_one_of_ours(
        #[case] text: &'static str,
        #[case] seen: Result<Option<i64>, &'static str>,
    ) {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(text))]);
        let version = version(&headers, &header::IF_MATCH);
        assert_eq!(version.map_err(|error| error.code()), seen, "{text}");
    }
}
