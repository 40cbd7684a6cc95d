//! `PATCH /api/v1/teams/{id}`.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, IfMatch, Json, Path, Written, patch};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rules;
use super::views::{TeamView, shown_team};
use crate::Users;
use crate::model::TeamName;
use crate::service::patch_team::{self, TeamPatch};

/// Fields to change; an absent field stays as it is.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchTeam {
    #[garde(custom(rules::optional_team_name))]
    #[serde(default, deserialize_with = "patch::given")]
    #[schema(value_type = Option<TeamName>, nullable = false)]
    name: Option<String>,
}

/// Change a team
///
/// For owners and admins of the team. With `If-Match` nobody's change is lost: if others changed one of these fields since that
/// version, the answer is 412 and tells what they did.
#[utoipa::path(patch, path = "/api/v1/teams/{id}", tag = "teams", request_body = PatchTeam,
    params(("id" = Uuid, Path), Attempt, IfMatch),
    responses(
    (status = 200, description = "The team after the change", body = Envelope<TeamView>),
    (status = 403, description = "`forbidden`"),
    (status = 409, description = "`team_archived`"),
    (status = 412, description = "`version_mismatch`: `errors` names the fields that both changed, `changes` all that differ, of the members too"),
))]
pub(super) async fn patch_team(
    State(users): State<Users>,
    attempt: Attempt,
    seen: IfMatch,
    Path(id): Path<Uuid>,
    Json(body): Json<PatchTeam>,
) -> ApiResult<Written> {
    let patch = TeamPatch {
        name: body.name.as_deref().map(TeamName::parse).transpose()?,
    };
    patch_team::patch_team(&users, &attempt, id, &seen, &patch, shown_team).await
}
