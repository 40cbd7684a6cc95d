//! What the application tells of itself: its OpenAPI document and the schemas of its events. Needs no server.

use common_events::EventSchema;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::deprecations;

/// The head of the document.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Crewdeck",
        description = "Users, teams and tasks. Every answer is an envelope of `data`, `error` and `meta`; errors are problems of RFC 9457.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "Where this document is served")),
    tags(
        (name = "auth", description = "Signing in and out: a short token for requests, and one to get the next pair with"),
        (name = "users", description = "People. Only an administrator of the platform adds them and sees them all"),
        (name = "teams", description = "Teams and who is in them. A team is visible to its members alone"),
        (name = "tasks", description = "What a team has to do, and everything that was done to it"),
        (name = "notifications", description = "What a person should know; everybody sees their own"),
        (name = "realtime", description = "The way to a WebSocket that tells of changes"),
        (name = "keys", description = "Public keys, for whoever wants to verify a token"),
        (name = "deprecations", description = "What will be gone, and when"),
    )
)]
struct Head;

/// The OpenAPI 3.1 document of role `web`.
#[must_use]
pub fn document() -> OpenApi {
    let document = OpenApiRouter::<()>::with_openapi(Head::openapi())
        .merge(stateless(api_server_users::routes()))
        .merge(stateless(api_server_tasks::routes()))
        .merge(stateless(api_server_notifications::routes()))
        .merge(stateless(api_server_realtime::routes()))
        .merge(stateless(deprecations::routes()))
        .to_openapi();
    common_http::document::finish(document)
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
