//! What the application tells of itself: its OpenAPI document and the schemas of its events. Needs no server.

use common_events::EventSchema;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

/// The head of the document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Crewdeck",
        description = "Users, teams and tasks. Every answer is an envelope of `data`, `error` and `meta`; errors are problems of RFC 9457.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("bearer" = []))
)]
struct Head;

/// The OpenAPI 3.1 document of role `web`.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = OpenApiRouter::<()>::with_openapi(Head::openapi())
        .merge(stateless(api_server_users::routes()))
        .merge(stateless(api_server_tasks::routes()))
        .merge(stateless(api_server_notifications::routes()))
        .merge(stateless(api_server_realtime::routes()))
        .to_openapi();
    let bearer = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build(),
    );
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", bearer);
    // The document shows the paths that callers write.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths
        .into_iter()
        .map(|(route, item)| (common_http::public_path(&route), item))
        .collect();
    document
}

/// The schemas of every event that the application publishes.
#[must_use]
pub fn events() -> Vec<EventSchema> {
    [api_server_users::events(), api_server_tasks::events()].concat()
}

/// The document of routes without anything to serve them with.
fn stateless<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>) -> OpenApiRouter<()> {
    OpenApiRouter::with_openapi(routes.into_openapi())
}
