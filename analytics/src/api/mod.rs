//! JSON over HTTP: one operation per file, and the table of routes.

mod document;
mod summary;
mod views;

use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Analytics;

pub use document::document;

/// Every route, with its part of the document; needs no server before it is given its state.
pub fn routes() -> OpenApiRouter<Analytics> {
    OpenApiRouter::new()
        .routes(routes!(summary::summary))
        .route(document::PATH, get(document::serve))
}
