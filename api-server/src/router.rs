//! The route table of role `web`.

use axum::Router;
use axum::routing::get;
use common_clock::SharedIds;
use common_http::{Callers, HttpConfig, rewrite_verbs, standard};
use http::{HeaderValue, header::CONTENT_SECURITY_POLICY};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::deprecations::{self, Deprecations};
use crate::document::document;

/// What the domains of role `web` serve.
pub(crate) struct Domains {
    pub(crate) users: api_server_users::Users,
    pub(crate) tasks: api_server_tasks::Tasks,
    pub(crate) notifications: api_server_notifications::Notifications,
    pub(crate) tickets: api_server_realtime::Tickets,
}

/// Every route of role `web`, inside the layers that all of them share.
pub(crate) fn router(
    domains: Domains,
    config: &HttpConfig,
    ids: SharedIds,
    callers: Callers,
) -> Router {
    let document = document();
    let api = OpenApiRouter::new()
        .merge(api_server_users::router(domains.users))
        .merge(api_server_tasks::router(domains.tasks))
        .merge(api_server_notifications::router(domains.notifications))
        .merge(api_server_realtime::tickets_router(domains.tickets))
        .merge(deprecations::routes().with_state(Deprecations::of(&document)));
    let (api, _) = api.split_for_parts();
    let text = document.to_json().unwrap_or_default();
    let app = api
        .route(
            "/api/openapi.json",
            get(move || std::future::ready(([("content-type", "application/json")], text))),
        )
        .merge(docs());
    rewrite_verbs(standard(app, config, ids, callers))
}

/// What the pages of the documentation may load: their own scripts and the document. The library sets styles in attributes and
/// has its icons in the style sheet.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documentation for people, with everything that it needs.
fn docs() -> Router {
    let config = Config::from("/api/openapi.json").validator_url("none");
    let pages = SwaggerUi::new("/api/docs").config(config);
    Router::from(pages).layer(SetResponseHeaderLayer::if_not_present(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(DOCS_POLICY),
    ))
}

#[cfg(test)]
mod tests;
