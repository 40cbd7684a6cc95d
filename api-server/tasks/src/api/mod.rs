//! JSON over HTTP: one operation per file, and the table of routes.

mod archive;
mod create;
mod get;
mod history;
mod list;
mod patch;
mod rules;
mod views;

use std::sync::Arc;

use axum::extract::FromRef;
use common_auth::Verifier;
use common_http::CursorKey;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Tasks;

/// Every route of the domain with its part of the document, before there is anything to serve it with.
pub fn routes() -> OpenApiRouter<Tasks> {
    OpenApiRouter::new()
        .routes(routes!(create::create_task, list::list_tasks))
        .routes(routes!(
            get::get_task,
            patch::patch_task,
            archive::delete_task
        ))
        .routes(routes!(archive::archive_task))
        .routes(routes!(archive::restore_task))
        .routes(routes!(history::task_history))
}

/// Every route of the domain.
#[must_use]
pub fn router(tasks: Tasks) -> OpenApiRouter {
    routes().with_state(tasks)
}

impl FromRef<Tasks> for Arc<Verifier> {
    fn from_ref(tasks: &Tasks) -> Self {
        Arc::clone(&tasks.verifier)
    }
}

impl FromRef<Tasks> for CursorKey {
    fn from_ref(tasks: &Tasks) -> Self {
        tasks.keys.clone()
    }
}
