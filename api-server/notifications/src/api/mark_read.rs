//! `POST /api/v1/notifications/{id}:read`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Path, Principal, Reply};
use uuid::Uuid;

use super::views::NotificationView;
use crate::{Notifications, service};

/// Mark a notification as read
///
/// The first time counts.
#[utoipa::path(post, path = "/api/v1/notifications/{id}/~read", tag = "notifications", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The notification", body = Envelope<NotificationView>),
))]
pub(super) async fn mark_notification_read(
    State(notifications): State<Notifications>,
    principal: Principal,
    Path(id): Path<Uuid>,
) -> ApiResult<Reply<NotificationView>> {
    let notification = service::mark_read(&notifications, &principal, id).await?;
    Ok(Reply::ok(NotificationView::from(notification)))
}
