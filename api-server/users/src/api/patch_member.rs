//! `PATCH /api/v1/teams/{id}/members/{user_id}`.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, IfMatch, Json, Path, Written, patch};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::{MemberView, shown_member};
use crate::service::patch_member;
use crate::{Role, Users};

/// Fields to change; an absent field stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchMember {
    #[garde(skip)]
    #[serde(default, deserialize_with = "patch::given")]
    #[schema(example = "admin", nullable = false)]
    role: Option<Role>,
}

/// Give a member another role
///
/// For owners and admins of the team; only an owner makes an owner, or of an owner something else. A team keeps an owner.
#[utoipa::path(patch, path = "/api/v1/teams/{id}/members/{user_id}", tag = "teams", request_body = PatchMember,
    params(("id" = Uuid, Path), ("user_id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The member after the change", body = Envelope<MemberView>),
    (status = 403, description = "`forbidden`"),
    (status = 404, description = "`not_found`: no such team, or not one of the caller's, or nobody of that id in it"),
    (status = 409, description = "`last_owner`, `team_archived`"),
    (status = 412, description = "`version_mismatch`: `changes` tells the role that the caller saw and the role now"),
))]
pub(super) async fn patch_member(
    State(users): State<Users>,
    attempt: Attempt,
    seen: IfMatch,
    Path(place): Path<(Uuid, Uuid)>,
    Json(body): Json<PatchMember>,
) -> ApiResult<Written> {
    patch_member::patch_member(&users, &attempt, place, &seen, body.role, shown_member).await
}
