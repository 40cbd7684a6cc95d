//! `POST /api/v1/teams/{id}:archive` and `:restore`, and `DELETE /api/v1/teams/{id}`, which is the first of them.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, IfMatch, Path, Written};
use uuid::Uuid;

use super::views::{TeamView, shown_team};
use crate::Users;
use crate::service::archive_team::set_archived;

/// Archive a team
///
/// For owners of the team. It goes out of sight with all that it has, its tasks too; its members can still read it and its history.
/// Nothing is lost: when it is restored, all of it is back.
#[utoipa::path(post, path = "/api/v1/teams/{id}/~archive", tag = "teams",
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The archived team", body = Envelope<TeamView>),
    (status = 403, description = "`forbidden`"),
))]
pub(super) async fn archive_team(
    State(users): State<Users>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    set_archived(&users, &attempt, id, &seen, true, shown_team).await
}

/// Restore an archived team
///
/// For owners of the team. All that it had is back.
#[utoipa::path(post, path = "/api/v1/teams/{id}/~restore", tag = "teams",
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The restored team", body = Envelope<TeamView>),
    (status = 403, description = "`forbidden`"),
))]
pub(super) async fn restore_team(
    State(users): State<Users>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    set_archived(&users, &attempt, id, &seen, false, shown_team).await
}

/// Delete a team
///
/// The same as `:archive`: nothing is lost, and the team can be restored.
#[utoipa::path(delete, path = "/api/v1/teams/{id}", tag = "teams",
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The archived team", body = Envelope<TeamView>),
    (status = 403, description = "`forbidden`"),
))]
pub(super) async fn delete_team(
    State(users): State<Users>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
) -> ApiResult<Written> {
    set_archived(&users, &attempt, id, &seen, true, shown_team).await
}
