//! `GET /api/v1/teams/{id}/members`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Path, Principal, Reply};
use uuid::Uuid;

use super::Fault;
use super::views::MemberView;
use crate::Users;
use crate::service::read;

/// List a team's members
///
/// By name; at most 1,000.
#[utoipa::path(get, path = "/api/v1/teams/{id}/members", tag = "teams", security(("bearer" = [])), params(("id" = Uuid, Path)), responses(
    (status = 200, description = "The members", body = Envelope<Vec<MemberView>>),
    (status = 401, description = "`unauthorized`", body = Fault),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's", body = Fault),
))]
pub(super) async fn list_members(
    State(users): State<Users>,
    principal: Principal,
    Path(id): Path<Uuid>,
) -> ApiResult<Reply<Vec<MemberView>>> {
    let members = read::members(&users, &principal, id).await?;
    Ok(Reply::ok(
        members.into_iter().map(MemberView::from).collect(),
    ))
}
