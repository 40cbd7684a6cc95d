//! The layers of every API, in one order.

mod callers;
mod client;
mod log;
mod pages;
mod render;
mod trace;

pub use callers::Callers;
pub use client::ClientAddress;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use common_clock::SharedIds;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;

use crate::{ApiError, HttpConfig, Kind};

/// `router` behind, from the outside in: request id, trace and log line, rendering of problems, headers against misuse by
/// browsers, who is asking and how much they may, caught panics, time limit, links of pages, body limit. Unknown paths
/// and methods are problems too, and count.
pub fn standard(router: Router, config: &HttpConfig, ids: SharedIds, callers: Callers) -> Router {
    let fixed =
        |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(ids, log::log_request))
        .layer(from_fn_with_state(config.trusted_hops, client::note_client))
        .layer(axum::middleware::from_fn(render::render_problem))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ))
        // Before what answers in a handler's place: every answer tells of the limit.
        .layer(from_fn_with_state(callers, callers::admit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            Duration::from_secs(config.timeout_seconds),
        ))
        .layer(axum::middleware::from_fn(pages::link_pages));
    router
        .fallback(|| async {
            ApiError::new(
                Kind::NotFound,
                "no_such_path",
                "this API has no such path; see /api/docs",
            )
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                Kind::MethodNotAllowed,
                "method_not_allowed",
                "this path does not take that method; see /api/docs",
            )
        })
        .layer(DefaultBodyLimit::max(config.body_limit_bytes))
        .layer(layers)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the payload over"
)]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::internal(format!("handler panicked: {text}")).into_response()
}
