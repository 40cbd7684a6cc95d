//! Custom methods (AIP-136): `POST /api/v1/tasks/{id}:archive`.
//!
//! The router knows one parameter per segment, so a verb behind a parameter gets a segment of its own
//! before routing (`/{id}/~archive`), and the document shows the path that callers write.

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use tower::ServiceBuilder;

/// Serves `router`, whose verbs are routes that end in `/~verb`.
pub fn rewrite_verbs(router: Router) -> Router {
    let service = ServiceBuilder::new().map_request(rewrite).service(router);
    Router::new().fallback_service(service)
}

/// The path that callers write for a route.
#[must_use]
pub fn public_path(route: &str) -> String {
    route.replace("/~", ":")
}

fn rewrite(mut request: Request) -> Request {
    if let Some(uri) = internal(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// `…/{id}:verb` as `…/{id}/~verb`; nothing else changes.
fn internal(uri: &Uri) -> Option<Uri> {
    let (head, last) = uri.path().rsplit_once('/')?;
    let (resource, verb) = last.split_once(':')?;
    let is_verb = !verb.is_empty()
        && verb
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if resource.is_empty() || !is_verb {
        return None;
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let path = format!("{head}/{resource}/~{verb}{query}");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(path: &str) -> Option<String> {
        internal(&path.parse().expect("a URI")).map(|uri| uri.to_string())
    }

    #[test]
    fn a_verb_gets_a_segment_and_keeps_the_query() {
        assert_eq!(
            rewritten("/api/v1/tasks/7:archive").as_deref(),
            Some("/api/v1/tasks/7/~archive")
        );
        assert_eq!(
            rewritten("/tasks/7:archive?dry_run=true").as_deref(),
            Some("/tasks/7/~archive?dry_run=true")
        );
        assert_eq!(public_path("/tasks/{id}/~archive"), "/tasks/{id}:archive");
    }

    #[test]
    fn other_paths_stay() {
        for path in [
            "/tasks/7",
            "/tasks/:archive",
            "/tasks/7:",
            "/tasks/7:Archive",
            "/a:b/c",
        ] {
            assert_eq!(rewritten(path), None, "{path}");
        }
    }
}
