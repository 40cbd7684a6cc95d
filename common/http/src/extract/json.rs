//! The body: JSON of the expected shape, no unknown member, every rule at once.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use garde::Validate;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::write::SentBody;
use crate::{ApiError, Kind, Violation};

/// A validated JSON body. `T` denies unknown fields.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::new(
                Kind::UnsupportedMediaType,
                "unsupported_media_type",
                "send the body as Content-Type: application/json",
            ));
        }
        let sent = request.extensions().get::<SentBody>().cloned();
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                    ApiError::new(
                        Kind::TooLarge,
                        "body_too_large",
                        "the body is longer than this API allows",
                    )
                } else {
                    ApiError::new(
                        Kind::BadRequest,
                        "body_unreadable",
                        "the body could not be read to its end",
                    )
                }
            })?;
        if let Some(sent) = sent {
            sent.note(&bytes);
        }
        // serde would take the values of a structure from a list, in the order of its fields.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(no_object(&bytes));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value: T = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| rejection(&error, &bytes))?;
        deserializer.end().map_err(|error| syntax(&error))?;
        value
            .validate()
            .map_err(|report| ApiError::invalid(violations(&report)))?;
        Ok(Self(value))
    }
}

fn is_json(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| {
            let essence = essence.trim().to_ascii_lowercase();
            essence == "application/json" || essence == "application/merge-patch+json"
        })
}

fn no_object(body: &[u8]) -> ApiError {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => ApiError::invalid(vec![Violation::new("", "type", "must be an object")]),
        Err(error) => syntax(&error),
    }
}

fn rejection(error: &serde_path_to_error::Error<serde_json::Error>, body: &[u8]) -> ApiError {
    use serde_json::error::Category;

    let text = error.inner().to_string();
    let detail = match error.inner().classify() {
        // The position in the text is of no use beside the pointer.
        Category::Data => text.split(" at line ").next().unwrap_or(&text).to_owned(),
        // serde_json calls a number or null in the place of an enum's word bad syntax.
        _ if serde_json::from_slice::<IgnoredAny>(body).is_ok() => {
            "a value of another type is expected here".to_owned()
        }
        _ => return syntax(error.inner()),
    };
    let pointer = pointer(&error.path().to_string());
    ApiError::invalid(vec![Violation::new(pointer, "type", detail)])
}

fn syntax(error: &serde_json::Error) -> ApiError {
    ApiError::new(
        Kind::BadRequest,
        "json_syntax",
        format!("the body is not valid JSON: {error}"),
    )
}

/// In the order of their pointers, so that the same body gives the same answer.
fn violations(report: &garde::Report) -> Vec<Violation> {
    let mut all: Vec<_> = report
        .iter()
        .map(|(path, error)| {
            Violation::new(
                pointer(&path.to_string()),
                "invalid",
                error.message().to_string(),
            )
        })
        .collect();
    all.sort_by(|left, right| left.pointer.cmp(&right.pointer));
    all
}

/// `members[0].role` as `/members/0/role`.
fn pointer(path: &str) -> String {
    if path == "." || path.is_empty() {
        return String::new();
    }
    let path = path.replace('[', ".").replace(']', "");
    path.split('.')
        .filter(|part| !part.is_empty())
        .fold(String::new(), |pointer, part| pointer + "/" + part)
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_become_json_pointers() {
        assert_eq!(super::pointer("members[0].role"), "/members/0/role");
        assert_eq!(super::pointer("title"), "/title");
        assert_eq!(super::pointer("."), "");
    }
}
