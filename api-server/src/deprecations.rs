//! `GET /api/deprecations`: what of the application's API will be gone, and when. The document tells it.

use std::sync::Arc;

use axum::extract::State;
use common_http::{DeprecatedOperation, Envelope, Reply, deprecations};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The list, which is the same as long as the process lives.
#[derive(Clone)]
pub(crate) struct Deprecations(Arc<[DeprecatedOperation]>);

impl Deprecations {
    /// What that document says.
    pub(crate) fn of(document: &OpenApi) -> Self {
        Self(deprecations(document).into())
    }
}

/// What will be gone
///
/// Each operation that nobody should begin to use, until when it goes on, and what does the same. Its answers say so too, in
/// `Deprecation` (RFC 9745) and `Sunset` (RFC 8594).
#[utoipa::path(get, path = "/api/deprecations", tag = "deprecations", security(()), responses(
    (status = 200, description = "All of it", body = Envelope<Vec<DeprecatedOperation>>),
))]
async fn list_deprecations(State(all): State<Deprecations>) -> Reply<Vec<DeprecatedOperation>> {
    Reply::ok(all.0.to_vec())
}

/// The route with its part of the document, before there is a list.
pub(crate) fn routes() -> OpenApiRouter<Deprecations> {
    OpenApiRouter::new().routes(routes!(list_deprecations))
}
