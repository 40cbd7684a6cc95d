//! `GET /api/v1/notifications`.

use axum::extract::State;
use common_http::{ApiResult, Cursor, Envelope, Limit, Principal, Query, Reply};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::NotificationView;
use crate::{Notifications, service};

/// Which notifications, and which page of them.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only those that were not read.
    #[garde(skip)]
    #[serde(default)]
    unread: bool,
    /// Most rows of the answer.
    #[garde(dive)]
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// `meta.page.next` of the page before.
    #[garde(dive)]
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// List the caller's notifications
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications", params(ListQuery), responses(
    (status = 200, description = "A page", body = Envelope<Vec<NotificationView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn list_notifications(
    State(notifications): State<Notifications>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> ApiResult<Reply<Vec<NotificationView>>> {
    let list = ("notifications", principal.user_id, query.unread);
    let keys = &notifications.keys;
    let after = keys.after(query.cursor.as_ref(), &list)?;
    let rows = service::list(&notifications, &principal, query.unread, after, query.limit).await?;
    keys.page(&list, rows, query.limit, |row| (row.created_at, row.id))
}
