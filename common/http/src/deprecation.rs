//! What will be gone: told in the headers of its answers (RFC 9745, RFC 8594), in the document, and in one list.
//!
//! All three are made of one value, which stands where the route is declared.

use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Deprecated, OpenApi};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::document::operations;

/// Where an API lists what will be gone.
pub const DEPRECATIONS: &str = "/api/deprecations";

/// Member of an operation in the document with the days and the path.
const EXTENSION: &str = "x-deprecation";

/// How long something goes on, and what to use instead.
#[derive(Debug, Clone, Copy)]
pub struct Deprecation {
    /// The day (UTC) from which nobody should begin to use it.
    pub since: NaiveDate,
    /// The day (UTC) from which it may be gone; half a year after `since` or later, which a test of the document sees to.
    pub sunset: NaiveDate,
    /// Path of what does the same.
    pub instead: &'static str,
}

/// An operation that will be gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeprecatedOperation {
    /// In capitals.
    #[schema(example = "POST")]
    pub method: String,
    /// As in the document.
    #[schema(example = "/api/token/")]
    pub path: String,
    /// The day (UTC) from which nobody should begin to use it.
    #[schema(example = "2026-11-30")]
    pub since: NaiveDate,
    /// The day (UTC) from which it may be gone.
    #[schema(example = "2027-11-30")]
    pub sunset: NaiveDate,
    /// Path of what does the same.
    #[schema(example = "/api/v1/auth/login")]
    pub instead: String,
}

/// `routes` as they were, and every answer of theirs says that they will be gone; so does the document.
pub fn deprecated<S>(
    (schemas, mut paths, methods): UtoipaMethodRouter<S>,
    what: Deprecation,
) -> UtoipaMethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    for item in paths.paths.values_mut() {
        for operation in operations(item) {
            mark(operation, what);
        }
    }
    let headers = headers(what);
    // Not the refusal of a method that the path does not have: nothing is there that could go.
    let methods = methods.route_layer(map_response(move |mut response: Response| {
        for (name, value) in &headers {
            response.headers_mut().append(name, value.clone());
        }
        std::future::ready(response)
    }));
    (schemas, paths, methods)
}

/// What `document` says will be gone, in the order of its paths.
#[must_use]
pub fn deprecations(document: &OpenApi) -> Vec<DeprecatedOperation> {
    let paths = document.paths.paths.iter();
    paths
        .flat_map(|(path, item)| {
            [
                ("GET", &item.get),
                ("PUT", &item.put),
                ("POST", &item.post),
                ("DELETE", &item.delete),
                ("PATCH", &item.patch),
            ]
            .into_iter()
            .filter_map(move |(method, operation)| listed(method, path, operation.as_ref()?))
        })
        .collect()
}

fn listed(method: &str, path: &str, operation: &Operation) -> Option<DeprecatedOperation> {
    let told = operation.extensions.as_ref()?.get(EXTENSION)?;
    let day = |name: &str| told[name].as_str()?.parse().ok();
    Some(DeprecatedOperation {
        method: method.to_owned(),
        path: path.to_owned(),
        since: day("since")?,
        sunset: day("sunset")?,
        instead: told["instead"].as_str()?.to_owned(),
    })
}

/// One member with all of it: several would be written in any order.
fn mark(operation: &mut Operation, what: Deprecation) {
    operation.deprecated = Some(Deprecated::True);
    let told = json!({"since": what.since, "sunset": what.sunset, "instead": what.instead});
    operation
        .extensions
        .get_or_insert_default()
        .insert(EXTENSION.to_owned(), told);
}

fn headers(what: Deprecation) -> Vec<(HeaderName, HeaderValue)> {
    let begin = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let since = begin(what.since).timestamp();
    let sunset = begin(what.sunset).format("%a, %d %b %Y %H:%M:%S GMT");
    let instead = what.instead;
    let all = [
        (HeaderName::from_static("deprecation"), format!("@{since}")),
        (HeaderName::from_static("sunset"), sunset.to_string()),
        (
            header::LINK,
            format!(
                "<{instead}>; rel=\"successor-version\", <{DEPRECATIONS}>; rel=\"deprecation\""
            ),
        ),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
        .collect()
}
