//! Requests to a router as callers send them, and what comes back, for the tests of other crates.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::Value;
use tower::ServiceExt as _;

/// Sends a request as it is.
///
/// # Panics
/// When the answer has a body that is not JSON.
pub async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).expect("JSON")
    };
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
        bytes: bytes.into(),
    }
}

/// A request with these headers; without a body when that is null.
///
/// # Panics
/// When a header or the path is not valid.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body.to_string())
    };
    request.body(body).expect("a request")
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there is none.
    pub body: Value,
    /// The same as it was sent.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// A header; empty when it is absent.
    ///
    /// # Panics
    /// When it is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// The version that its `ETag` begins with; empty when it is absent.
    ///
    /// # Panics
    /// When it is not text.
    #[must_use]
    pub fn version(&self) -> &str {
        let tag = self.header("etag").trim_matches('"');
        tag.split_once('.').map_or(tag, |(version, _)| version)
    }

    /// What the envelope holds.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The rows of a list.
    ///
    /// # Panics
    /// When it is no list.
    #[must_use]
    #[track_caller]
    pub fn rows(&self) -> &[Value] {
        assert_eq!(self.status, 200, "{}", self.body);
        self.data().as_array().expect("a list")
    }

    /// Where the list goes on.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.body["meta"]["page"]["next"].as_str()
    }

    /// A refusal with this status and code.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let told = (self.status, self.body["error"]["code"].as_str());
        assert_eq!(told, (status, Some(code)), "{}", self.body);
    }

    /// The answer to the first of two equal requests, given again: the same bytes and the same headers, but for the
    /// names of the request and of its span, and what is left of the caller's limit.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn repeats(&self, first: &Self) {
        let told = |of: &Self, name: &str| of.header(name).to_owned();
        let replayed = "idempotent-replayed";
        assert_eq!(
            (told(first, replayed), told(self, replayed)),
            (String::new(), "true".to_owned())
        );
        assert_eq!((first.status, &first.body), (self.status, &self.body));
        assert_eq!(first.bytes, self.bytes);
        let headers = |of: &Self| {
            let mut headers = of.headers.clone();
            headers.remove("x-request-id");
            headers.remove("traceparent");
            headers.remove("ratelimit");
            headers.remove(replayed);
            headers
        };
        assert_eq!(headers(first), headers(self));
    }

    /// A refusal of one field; tells what is allowed.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn refused_field(&self, pointer: &str) -> &str {
        self.refused(422, "validation_failed");
        let errors = &self.body["error"]["errors"];
        assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
        assert_eq!(errors[0]["pointer"], pointer, "{errors}");
        errors[0]["detail"].as_str().expect("a detail")
    }
}
