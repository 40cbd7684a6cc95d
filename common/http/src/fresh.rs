//! Reads that send nothing when the caller holds it already (RFC 9110, section 13.1.2).

use std::hash::Hasher;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{IfNoneMatch, Reply};

/// Bytes of a page's digest that are kept.
const KEPT: usize = 16;

/// What was asked for, unless the caller holds it.
#[derive(Debug)]
pub enum Fresh<T> {
    /// The caller holds what has this `ETag`.
    Held(HeaderValue),
    /// It does not.
    Whole(T),
}

impl<T> Fresh<T> {
    /// The same of what `change` makes of it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fresh<U> {
        match self {
            Self::Held(etag) => Fresh::Held(etag),
            Self::Whole(value) => Fresh::Whole(change(value)),
        }
    }
}

impl<T> Reply<T> {
    /// Nothing of it, when the caller holds it: then it is not written as JSON.
    pub fn unless_held(self, held: &IfNoneMatch) -> Fresh<Self> {
        match self.headers.get(header::ETAG) {
            Some(etag) if held.has(etag) => Fresh::Held(etag.clone()),
            _ => Fresh::Whole(self),
        }
    }
}

impl<T: Serialize> IntoResponse for Fresh<Reply<T>> {
    fn into_response(self) -> Response {
        match self {
            Self::Held(etag) => (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response(),
            Self::Whole(reply) => reply.into_response(),
        }
    }
}

/// The state of a page's rows, which becomes its weak `ETag`. A row is fed to it with what tells its states apart, such as
/// `(id, version)`; its position on the page counts.
///
/// Two processes of one build and one kind of machine agree on it. Where they do not, it costs an answer and nothing else.
#[derive(Debug, Clone, Default)]
pub struct PageState(Sha256);

impl PageState {
    /// The `ETag` of the rows so far.
    pub(crate) fn etag(self) -> HeaderValue {
        let digest = self.0.finalize();
        weak(&URL_SAFE_NO_PAD.encode(&digest[..KEPT]))
    }
}

#[expect(
    clippy::expect_used,
    reason = "base64url between quotes is text of a header"
)]
fn weak(text: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{text}\"")).expect("text")
}

impl Hasher for PageState {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}
