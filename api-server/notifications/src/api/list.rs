//! `GET /api/v1/notifications`.

use std::hash::Hash as _;

use axum::extract::State;
use common_http::{
    ApiResult, Cursor, Envelope, Fresh, IfNoneMatch, Limit, Principal, Query, Reply,
};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

use super::views::NotificationView;
use crate::model::Notification;
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
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications", params(ListQuery, IfNoneMatch), responses(
    (status = 200, description = "A page", body = Envelope<Vec<NotificationView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`"),
))]
pub(super) async fn list_notifications(
    State(notifications): State<Notifications>,
    principal: Principal,
    Query(query): Query<ListQuery>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<Vec<NotificationView>>>> {
    let list = ("notifications", principal.user_id, query.unread);
    let keys = &notifications.keys;
    let after = keys.after(query.cursor.as_ref(), &list)?;
    let rows = service::list(&notifications, &principal, query.unread, after, query.limit).await?;
    let position = |row: &Notification| (row.created_at, row.id);
    // Of one, only whether it was read changes.
    let page = keys.page(&list, rows, query.limit, position, |row, state| {
        (row.id, row.read_at).hash(state);
    })?;
    Ok(page.unless_held(&held))
}
