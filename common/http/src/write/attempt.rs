//! A request to change something: who sends it, whether it may come again, and whether it is meant.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use garde::Validate;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::extract::headers::parameter;
use crate::{ApiError, CursorKey, Kind, Principal, Query, TextRule, public_path};

const HEADER: &str = "Idempotency-Key";
/// Visible characters; between them there may be spaces, around them HTTP takes spaces away.
static KEY: TextRule = TextRule::chars(1, 255).like("^[!-~]([ -~]*[!-~])?$");

/// A request to change something.
pub struct Attempt {
    /// Who asks.
    pub principal: Principal,
    /// Under which name the answer is kept; `None` when the caller will not send the request again.
    pub(super) key: Option<Key>,
    /// Whether everything is done but kept.
    pub(super) is_dry_run: bool,
}

impl Attempt {
    /// Whether nothing of it will be kept: for what must not be told without a trace.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.is_dry_run
    }
}

/// The name of a request, and what has to be the same when it comes again.
pub(crate) struct Key {
    /// As the caller sent it. Keys of two principals never meet.
    pub(crate) text: String,
    /// The method.
    pub(crate) method: String,
    /// Path and query, as callers write them.
    pub(crate) target: String,
    /// `If-Match`.
    condition: Vec<u8>,
    body: SentBody,
    secret: CursorKey,
}

impl Key {
    /// What tells this request from others. A body can hold a password, so that a plain hash of it would make the
    /// password's own slow one pointless: this needs the platform's key.
    pub(crate) fn fingerprint(&self) -> Vec<u8> {
        let parts = [
            self.method.as_bytes(),
            self.target.as_bytes(),
            &self.condition,
            self.body.digest(),
        ];
        // None of the parts before the digest can have a line's end in it.
        self.secret
            .derive("idempotency", &parts.join(&b'\n'))
            .into_bytes()
    }
}

/// Where [`Json`](crate::Json) notes what it reads, if the request has a key.
#[derive(Clone, Default)]
pub(crate) struct SentBody(Arc<OnceLock<[u8; 32]>>);

impl SentBody {
    /// Notes the body, byte for byte.
    pub(crate) fn note(&self, body: &[u8]) {
        // A body is read once.
        let _ = self.0.set(Sha256::digest(body).into());
    }

    /// Nothing for an operation that reads no body.
    fn digest(&self) -> &[u8] {
        self.0.get().map_or(&[][..], |digest| &digest[..])
    }
}

/// What the query of a change may say.
#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Mode {
    #[garde(custom(word))]
    dry_run: Option<String>,
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that garde calls"
)]
fn word(given: &Option<String>, (): &()) -> garde::Result {
    match given.as_deref() {
        None | Some("true" | "false") => Ok(()),
        Some(_) => Err(garde::Error::new("must be true or false")),
    }
}

fn key(parts: &Parts) -> Result<Option<String>, ApiError> {
    let mut lines = parts.headers.get_all(HEADER).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => match line.to_str() {
            Ok(key) if KEY.allows(key) => Ok(Some(key.to_owned())),
            _ => Err(invalid()),
        },
        _ => Err(invalid()),
    }
}

fn invalid() -> ApiError {
    ApiError::new(
        Kind::BadRequest,
        "idempotency_key_invalid",
        "Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters",
    )
}

impl<S> FromRequestParts<S> for Attempt
where
    S: Send + Sync,
    CursorKey: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let Query(mode) = Query::<Mode>::from_request_parts(parts, state).await?;
        let key = key(parts)?.map(|text| {
            let body = SentBody::default();
            parts.extensions.insert(body.clone());
            let query = parts.uri.query().map(|query| format!("?{query}"));
            let conditions = parts.headers.get_all(header::IF_MATCH).iter();
            Key {
                text,
                method: parts.method.to_string(),
                target: public_path(parts.uri.path()) + &query.unwrap_or_default(),
                condition: conditions
                    .map(HeaderValue::as_bytes)
                    .collect::<Vec<_>>()
                    .join(&b','),
                body,
                secret: CursorKey::from_ref(state),
            }
        });
        Ok(Self {
            principal,
            key,
            is_dry_run: mode.dry_run.as_deref() == Some("true"),
        })
    }
}

impl IntoParams for Attempt {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = "A fresh name for each new request: when the same request is sent again with it within a day, nothing is \
                   done and the first answer is given, byte for byte. It belongs to the caller, and to the method, path, query, `If-Match` \
                   and body of the first request. A refusal is not kept";
        let dry_run = "`true` tries the request out: everything is checked and done, down to the database, and nothing is \
                       kept. The answer is the one that would have been given, with status 200, `meta.dry_run`, and without `ETag` and `Location`";
        let boolean = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .default(Some(false.into()));
        let dry_run = ParameterBuilder::new()
            .name("dry_run")
            .parameter_in(ParameterIn::Query)
            .description(Some(dry_run))
            .schema(Some(boolean))
            .build();
        vec![
            parameter(HEADER, key, &KEY, "01JNQ7-oil-the-engine"),
            dry_run,
        ]
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::none(&[], Ok(None))]
    #[case::one(&["8e03978e-40d5-43dd-bc93-6894a57f9324"], Ok(Some("8e03978e-40d5-43dd-bc93-6894a57f9324")))]
    #[case::spaces_within(&["oil the engine"], Ok(Some("oil the engine")))]
    #[case::empty(&[""], Err("idempotency_key_invalid"))]
    #[case::a_tab(&["oil\tit"], Err("idempotency_key_invalid"))]
    #[case::no_ascii(&["\u{f6}l"], Err("idempotency_key_invalid"))]
    #[case::two(&["a", "a"], Err("idempotency_key_invalid"))]
    fn a_key_is_one_line_of_visible_ascii(
        #[case] lines: &[&str],
        #[case] expected: Result<Option<&str>, &str>,
    ) {
        let mut request = Request::builder();
        for line in lines {
            request = request.header(HEADER, line.as_bytes());
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let read = key(&parts).map_err(|error| error.code());
        assert_eq!(
            read.as_ref().map(Option::as_deref),
            expected.as_ref().map(|key| *key)
        );
    }

    /// The fingerprint of a change with this body, under a platform's key.
    fn fingerprint(secret: &str, body: &[u8]) -> Vec<u8> {
        let secret = common_config::SecretRef::from(secret.repeat(32));
        let key = Key {
            text: "k".to_owned(),
            method: "POST".to_owned(),
            target: "/users".to_owned(),
            condition: Vec::new(),
            body: SentBody::default(),
            secret: CursorKey::read(&secret).expect("a key"),
        };
        key.body.note(body);
        key.fingerprint()
    }

    #[test]
    fn nobody_can_try_passwords_on_a_fingerprint() {
        let body = br#"{"email":"ada@example.org","password":"correct horse"}"#;
        assert_eq!(fingerprint("a", body), fingerprint("a", body));
        assert_ne!(fingerprint("a", body), fingerprint("b", body));
        assert_ne!(fingerprint("a", body), fingerprint("a", b"{}"));
    }

    #[test]
    fn a_key_has_at_most_255_characters() {
        assert!(KEY.allows(&"k".repeat(255)) && !KEY.allows(&"k".repeat(256)));
    }
}
