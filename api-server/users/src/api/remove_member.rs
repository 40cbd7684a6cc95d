//! `DELETE /api/v1/teams/{id}/members/{user_id}`.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, IfMatch, Path, Reply, Written};
use uuid::Uuid;

use super::views::FormerMemberView;
use crate::Users;
use crate::service::remove_member;

/// Remove a member from a team, or leave it
///
/// Everybody may leave; owners and admins of the team remove others, and only an owner removes owners. A team keeps an owner.
/// There is nothing to restore: to add the person again is the same. Tasks of the team that they had are nobody's soon after.
#[utoipa::path(delete, path = "/api/v1/teams/{id}/members/{user_id}", tag = "teams",
    params(("id" = Uuid, Path), ("user_id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "Who was a member", body = Envelope<FormerMemberView>),
    (status = 403, description = "`forbidden`"),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's, or nobody of that id in it"),
    (status = 409, description = "`last_owner`, `team_archived`"),
    (status = 412, description = "`version_mismatch`: `changes` tells the role that the caller saw and the role now"),
))]
pub(super) async fn remove_member(
    State(users): State<Users>,
    attempt: Attempt,
    seen: IfMatch,
    Path(place): Path<(Uuid, Uuid)>,
) -> ApiResult<Written> {
    remove_member::remove_member(&users, &attempt, place, &seen, |former| {
        Reply::ok(FormerMemberView::from(former))
    })
    .await
}
