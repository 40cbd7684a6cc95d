//! Writes a problem's body with the request's name, in the form that the caller asked for.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::Logged;
use crate::{ApiError, Envelope, Kind, RequestId};

const BARE: &str = "application/problem+json";

/// `error` in the envelope, or the bare problem for `Accept: application/problem+json`.
pub(super) async fn render_problem(request: Request, next: Next) -> Response {
    let bare = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains(BARE));
    let id = request
        .extensions()
        .get::<RequestId>()
        .cloned()
        .unwrap_or_default();
    let mut response = next.run(request).await;
    // The time limit answers with a status alone.
    if response.status() == StatusCode::GATEWAY_TIMEOUT
        && response.extensions().get::<Logged>().is_none()
    {
        let headers = std::mem::take(response.headers_mut());
        response = ApiError::new(
            Kind::Timeout,
            "timeout",
            "the request took too long and was given up",
        )
        .into_response();
        // What the layers before have told stays.
        response.headers_mut().extend(headers);
    }
    let Some(mut logged) = response.extensions().get::<Logged>().cloned() else {
        return response;
    };
    logged.problem.instance = Some(format!("/requests/{}", id.0));
    let (kind, body) = if bare {
        (BARE, serde_json::to_vec(&logged.problem))
    } else {
        (
            "application/json",
            serde_json::to_vec(&Envelope::error(logged.problem.clone())),
        )
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(body.unwrap_or_default());
    response.extensions_mut().insert(logged);
    response
}
