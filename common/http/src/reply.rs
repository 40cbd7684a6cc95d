//! Successful answers.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::form::form;
use crate::{ApiError, Envelope, Meta, PageMeta};

/// The strong `ETag` of a row's version, as an answer shows it whose `data` is a `T`.
#[must_use]
pub fn etag<T: ToSchema + 'static>(version: i64) -> HeaderValue {
    tag(&format!("{version}.{}", form::<T>()))
}

/// The `ETag` of a row's version in no form: for `If-Match`, where there is nothing to hold.
pub(crate) fn bare_etag(version: i64) -> HeaderValue {
    tag(&version.to_string())
}

fn tag(text: &str) -> HeaderValue {
    // Whoever asks hands over visible ASCII; else there is a tag that no version has.
    HeaderValue::from_str(&format!("\"{text}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// A successful answer in the envelope.
#[derive(Debug)]
pub struct Reply<T> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) meta: Meta,
    pub(crate) data: T,
}

impl<T> Reply<T> {
    /// 200 with `data`.
    pub fn ok(data: T) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            meta: Meta::default(),
            data,
        }
    }

    /// 201 with `data`, which is found at `location`.
    pub fn created(location: &str, data: T) -> Self {
        let mut reply = Self::ok(data);
        reply.status = StatusCode::CREATED;
        if let Ok(location) = HeaderValue::from_str(location) {
            reply.headers.insert(header::LOCATION, location);
        }
        reply
    }

    /// Makes it a page of a list that goes on at `next`.
    #[must_use]
    pub fn page(mut self, next: Option<String>) -> Self {
        self.meta.page = Some(PageMeta { next });
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl<T: ToSchema + 'static> Reply<T> {
    /// Adds the `ETag` of a version.
    #[must_use]
    pub fn versioned(mut self, version: i64) -> Self {
        self.headers.insert(header::ETAG, etag::<T>(version));
        self
    }

    /// Adds the `ETag` of a version of what looks different at the same place to other callers, in another role or with
    /// another id: theirs is another tag. `whom` is visible ASCII without quotation marks.
    #[must_use]
    pub fn versioned_for(mut self, whom: &str, version: i64) -> Self {
        let etag = tag(&format!("{version}.{whom}.{}", form::<T>()));
        self.headers.insert(header::ETAG, etag);
        self
    }
}

impl<T> Reply<T> {
    /// The same for a request that was only tried out: there is no such thing, so it has neither place nor version.
    pub(crate) fn tried_out(mut self) -> Self {
        self.status = StatusCode::OK;
        self.headers.remove(header::LOCATION);
        self.headers.remove(header::ETAG);
        self.meta.dry_run = true;
        self
    }
}

impl<T: Serialize> Reply<T> {
    /// Writes the body.
    ///
    /// # Errors
    /// 500 when it cannot be written as JSON: a bug.
    pub(crate) fn render(self) -> Result<Rendered, ApiError> {
        let envelope = Envelope::of(self.data, self.meta);
        let body = serde_json::to_vec(&envelope).map_err(ApiError::internal)?;
        let mut headers = self.headers;
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        Ok(Rendered {
            status: self.status,
            headers,
            body,
        })
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let page = self.meta.page.clone();
        let mut response = self.render().into_response();
        if let Some(page) = page {
            // A layer knows the request's URI, and links to the next page.
            response.extensions_mut().insert(page);
        }
        response
    }
}

/// An answer as it is sent, but for what the layers add.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl IntoResponse for Rendered {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
