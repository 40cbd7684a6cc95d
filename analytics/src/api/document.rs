//! The OpenAPI document of role `analytics`. Needs no server.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use common_http::ApiError;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

use super::routes;

/// Where the document is.
pub(super) const PATH: &str = "/api/v1/analytics/openapi.json";

/// The head of the document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Crewdeck analytics",
        description = "Numbers of teams, read from a replica. Every answer is an envelope of `data`, `error` and `meta`; errors are problems of RFC 9457.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "Where this document is served")),
    tags((name = "analytics", description = "Numbers of teams"))
)]
struct Head;

/// The OpenAPI 3.1 document of role `analytics`.
#[must_use]
pub fn document() -> OpenApi {
    common_http::document::finish(Head::openapi().merge_from(routes().into_openapi()))
}

/// Serves the document; it is the same for everybody and as long as the process lives.
pub(super) async fn serve() -> Result<Response, ApiError> {
    static TEXT: LazyLock<Result<String, String>> =
        LazyLock::new(|| document().to_json().map_err(|error| error.to_string()));
    let text = TEXT
        .as_deref()
        .map_err(|error| ApiError::internal(error.as_str()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

#[cfg(test)]
mod tests {
    use common_http::document::testing::{check, operations, routes as served};

    use super::*;

    #[test]
    fn what_is_routed_is_told_whole() {
        let told = serde_json::to_value(document()).expect("JSON");
        check(&told, &[]);
        let paths = operations(&told).into_iter().map(|one| one.path);
        let mut paths: std::collections::BTreeSet<String> = paths.collect();
        paths.insert(PATH.to_owned());
        assert_eq!(served(&routes().split_for_parts().0), paths);
    }

    #[test]
    fn the_document_names_what_callers_meet() {
        let document = serde_json::to_value(document()).expect("JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let summary = &document["paths"]["/api/v1/analytics/teams/{id}/summary"]["get"];
        let mut answers: Vec<&str> = summary["responses"]
            .as_object()
            .expect("answers")
            .keys()
            .map(String::as_str)
            .collect();
        answers.sort_unstable();
        assert_eq!(answers, ["200", "401", "404", "429", "500", "503", "504"]);
        let bearer = &document["components"]["securitySchemes"]["bearer"];
        assert_eq!(bearer["scheme"], "bearer");
        let fields = &document["components"]["schemas"]["SummaryView"]["properties"];
        assert_eq!(
            fields["as_of"]["type"],
            serde_json::json!(["string", "null"])
        );
    }
}
