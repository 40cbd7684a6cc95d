//! Who sends a sign-in or a refresh.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use common_http::ClientAddress;

use crate::service::Client;

/// Characters of a `User-Agent` that are kept.
const AGENT: usize = 200;

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Ok(Self {
            address: parts
                .extensions
                .get::<ClientAddress>()
                .map(|address| address.0),
            agent: agent.chars().take(AGENT).collect(),
        })
    }
}
