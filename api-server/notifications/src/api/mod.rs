//! JSON over HTTP: one operation per file, and the table of routes.

mod list;
mod mark_read;
mod views;

use axum::extract::FromRef;
use common_http::CursorKey;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Notifications;

/// Every route of the domain with its part of the document, before there is anything to serve it with.
pub fn routes() -> OpenApiRouter<Notifications> {
    OpenApiRouter::new()
        .routes(routes!(list::list_notifications))
        .routes(routes!(mark_read::mark_notification_read))
}

/// Every route of the domain.
#[must_use]
pub fn router(notifications: Notifications) -> OpenApiRouter {
    routes().with_state(notifications)
}

impl FromRef<Notifications> for CursorKey {
    fn from_ref(notifications: &Notifications) -> Self {
        notifications.keys.clone()
    }
}
