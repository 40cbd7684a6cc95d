//! One name, one span and one log line for each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use common_clock::SharedIds;
use tracing::Instrument as _;

use super::trace;
use crate::RequestId;
use crate::error::Logged;

/// Longest name that is taken over from the caller.
const LONGEST: usize = 100;

/// Names the request (its `X-Request-Id` if it is a plain word), runs it in a span of its caller's trace, and logs it once.
pub(super) async fn log_request(
    State(ids): State<SharedIds>,
    mut request: Request,
    next: Next,
) -> Response {
    let name = HeaderName::from_static("x-request-id");
    let given = request
        .headers()
        .get(&name)
        .and_then(|value| value.to_str().ok());
    let id = given
        .filter(|id| is_plain(id))
        .map_or_else(|| ids.uuid().to_string(), ToOwned::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or_else(
        || "unmatched".to_owned(),
        |matched| matched.as_str().to_owned(),
    );
    // Its fields stand beside whatever is logged on the way.
    let span = tracing::info_span!("http.request", otel.kind = "server", request.id = id, http.request.method = %method, http.route = route);
    let own = trace::join(&span, request.headers(), &ids);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(name, value);
    }
    trace::tell(&own, response.headers_mut());
    let status = response.status().as_u16();
    common_telemetry::answered(&span, status);
    metrics::histogram!(
        "http_server_request_duration_seconds",
        "method" => method.to_string(),
        "route" => route.clone(),
        "status" => status.to_string(),
    )
    .record(elapsed.as_secs_f64());
    let logged = response.extensions().get::<Logged>();
    let code = logged.map(|logged| logged.problem.code.as_str());
    let cause = logged.and_then(|logged| logged.source.as_deref());
    let cause = cause.map(|cause| cause as &(dyn std::error::Error + 'static));
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    let trace_id = own.trace_id();
    if status >= 500 {
        tracing::error!(http.method = %method, http.path = path, http.route = route, http.status = status, http.duration_ms = milliseconds, request.id = id, trace.id = trace_id, error.code = code, error.cause = cause, "request");
    } else {
        tracing::info!(http.method = %method, http.path = path, http.route = route, http.status = status, http.duration_ms = milliseconds, request.id = id, trace.id = trace_id, error.code = code, error.cause = cause, "request");
    }
    response
}

fn is_plain(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
