//! `GET /api/v1/notifications`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Principal, Query, Reply};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Fault;
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
    #[garde(range(min = 1, max = 200))]
    #[serde(default = "fifty")]
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: u32,
    /// `meta.page.next` of the page before.
    #[garde(length(max = 500))]
    cursor: Option<String>,
}

fn fifty() -> u32 {
    50
}

/// List the caller's notifications
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, description = "A page", body = Envelope<Vec<NotificationView>>),
    (status = 400, description = "`query_invalid`, `cursor_invalid`, `cursor_mismatch`", body = Fault),
    (status = 401, description = "`unauthorized`", body = Fault),
))]
pub(super) async fn list_notifications(
    State(notifications): State<Notifications>,
    principal: Principal,
    Query(query): Query<ListQuery>,
) -> ApiResult<Reply<Vec<NotificationView>>> {
    let list = ("notifications", principal.user_id, query.unread);
    let keys = &notifications.keys;
    let after = query
        .cursor
        .as_deref()
        .map(|cursor| keys.decode(cursor, &list))
        .transpose()?;
    let rows = service::list(&notifications, &principal, query.unread, after, query.limit).await?;
    keys.page(&list, rows, query.limit, |row| (row.created_at, row.id))
}
