//! `GET /api/v1/analytics/teams/{id}/summary`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Path, Principal, Reply};
use uuid::Uuid;

use super::views::SummaryView;
use crate::Analytics;
use crate::service::summary;
use crate::store::replica::Caller;

/// The numbers of a team
///
/// Read from a replica and kept for a few seconds; `as_of` says when they were true. A member of the
/// team may read them, and an administrator.
#[utoipa::path(get, path = "/api/v1/analytics/teams/{id}/summary", operation_id = "team_summary", tag = "analytics", params(("id" = Uuid, Path, description = "The team")), responses(
    (status = 200, description = "The numbers", body = Envelope<SummaryView>),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's"),
    (status = 503, description = "`unavailable`: a database does not answer"),
))]
pub(super) async fn summary(
    State(analytics): State<Analytics>,
    principal: Principal,
    Path(id): Path<Uuid>,
) -> ApiResult<Reply<SummaryView>> {
    let caller = Caller {
        user_id: principal.user_id,
        is_admin: principal.is_admin,
    };
    let summary = summary::summary(&analytics, id, caller).await?;
    Ok(Reply::ok(SummaryView::from(summary)))
}
