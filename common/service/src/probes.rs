//! The second port: `/livez`, `/readyz`, `/startupz`, `/metrics`, `/internal/state`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::{RawQuery, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use common_telemetry::PrometheusHandle;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::readiness::Readiness;
use crate::state::State;

#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) role: &'static str,
    pub(crate) readiness: Readiness,
    pub(crate) state: State,
    pub(crate) prometheus: PrometheusHandle,
    pub(crate) soft: CancellationToken,
    /// Set once every check was ready for the first time.
    pub(crate) started: Arc<AtomicBool>,
}

pub(crate) fn router(probes: Probes) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/startupz", get(started))
        .route("/metrics", get(metrics))
        .route("/internal/state", get(state))
        .with_state(probes)
}

/// Alive means that the runtime still answers; a dead backend is no reason for a restart.
async fn live(Shared(probes): Shared<Probes>, RawQuery(query): RawQuery) -> Response {
    let verbose = is_verbose(query.as_deref());
    let text = if verbose {
        format!("[+] runtime answers\nrole {} is alive\n", probes.role)
    } else {
        "ok\n".to_owned()
    };
    (StatusCode::OK, text).into_response()
}

async fn ready(Shared(probes): Shared<Probes>, RawQuery(query): RawQuery) -> Response {
    answer(
        &probes,
        is_verbose(query.as_deref()),
        !probes.soft.is_cancelled(),
    )
}

/// Like `/readyz`, but stays 200 after the first success: start-up is over for good.
async fn started(Shared(probes): Shared<Probes>, RawQuery(query): RawQuery) -> Response {
    let over = probes.started.load(Ordering::Relaxed);
    let response = answer(&probes, is_verbose(query.as_deref()), true);
    if response.status() == StatusCode::OK || over {
        probes.started.store(true, Ordering::Relaxed);
        return (StatusCode::OK, "ok\n").into_response();
    }
    response
}

async fn metrics(Shared(probes): Shared<Probes>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let page = without_unmeasured(&probes.prometheus.render());
    ([(header::CONTENT_TYPE, kind)], page).into_response()
}

/// A gauge that is `NaN` could not be measured, and is left out: Prometheus takes a series that is missing for what it is,
/// while the adapters that autoscalers ask make a zero of `NaN`. The recorder itself forgets nothing.
fn without_unmeasured(page: &str) -> String {
    page.split_inclusive('\n')
        .filter(|line| line.starts_with('#') || !line.trim_end().ends_with(" NaN"))
        .collect()
}

async fn state(Shared(probes): Shared<Probes>) -> Response {
    let mut all = probes.state.read();
    all.insert("role".to_owned(), json!(probes.role));
    all.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    axum::response::IntoResponse::into_response((
        [(header::CONTENT_TYPE, "application/json")],
        serde_json::Value::Object(all).to_string(),
    ))
}

fn answer(probes: &Probes, verbose: bool, accepting: bool) -> Response {
    let checks = probes.readiness.snapshot();
    let ready = accepting && probes.readiness.holds();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut text = String::new();
    if !accepting {
        text.push_str("[-] stopping\n");
    }
    for (name, check) in checks.iter().filter(|(_, check)| verbose || !check.ready) {
        let mark = if check.ready { '+' } else { '-' };
        let _ = writeln!(text, "[{mark}] {name}: {}", check.reason);
    }
    text.push_str(if ready { "ok\n" } else { "not ready\n" });
    (status, text).into_response()
}

fn is_verbose(query: Option<&str>) -> bool {
    query.is_some_and(|query| {
        query
            .split('&')
            .any(|part| part == "verbose" || part.starts_with("verbose="))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_measured_is_left_out() {
        let page =
            "# TYPE wait gauge\nwait NaN\nwait{queue=\"a\"} NaN\nwait{queue=\"NaN\"} 3\n\nup 1\n";
        assert_eq!(
            without_unmeasured(page),
            "# TYPE wait gauge\nwait{queue=\"NaN\"} 3\n\nup 1\n"
        );
    }
}
