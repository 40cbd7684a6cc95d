//! `POST /api/v1/notifications/{id}:read`.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, Path, Reply, Written};
use uuid::Uuid;

use super::views::NotificationView;
use crate::{Notifications, service};

/// Mark a notification as read
///
/// The first time counts.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/~read", tag = "notifications", params(("id" = Uuid, Path), Attempt), responses(
    (status = 200, description = "The notification", body = Envelope<NotificationView>),
))]
pub(super) async fn mark_notification_read(
    State(notifications): State<Notifications>,
    attempt: Attempt,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    service::mark_read(&notifications, &attempt, id, |notification| {
        Reply::ok(NotificationView::from(notification))
    })
    .await
}
