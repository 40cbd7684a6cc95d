//! JSON over HTTP: one operation per file, and the table of routes.

mod document;
mod summary;
mod views;

use std::sync::Arc;

use axum::extract::FromRef;
use axum::routing::get;
use common_auth::Verifier;
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

impl FromRef<Analytics> for Arc<Verifier> {
    fn from_ref(analytics: &Analytics) -> Self {
        Arc::clone(&analytics.verifier)
    }
}
