//! `GET /api/v1/teams/{id}/members/{user_id}`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Fresh, IfNoneMatch, Path, Principal, Reply};
use uuid::Uuid;

use super::views::{MemberView, shown_member};
use crate::Users;
use crate::service::read;

/// A member of one of the caller's teams
#[utoipa::path(get, path = "/api/v1/teams/{id}/members/{user_id}", tag = "teams",
    params(("id" = Uuid, Path), ("user_id" = Uuid, Path), IfNoneMatch), responses(
    (status = 200, description = "The member", body = Envelope<MemberView>),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's, or nobody of that id in it"),
))]
pub(super) async fn get_member(
    State(users): State<Users>,
    principal: Principal,
    Path(place): Path<(Uuid, Uuid)>,
    held: IfNoneMatch,
) -> ApiResult<Fresh<Reply<MemberView>>> {
    let member = read::member(&users, &principal, place).await?;
    Ok(shown_member(member).unless_held(&held))
}
