//! `POST /api/v1/teams`.

use axum::extract::State;
use common_http::{ApiResult, Envelope, Json, Principal, Reply};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::TeamView;
use super::{Fault, rules};
use crate::Users;
use crate::model::TeamName;
use crate::service::create_team;

/// A new team.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTeam {
    /// 1 to 100 characters.
    #[garde(custom(rules::team_name))]
    #[schema(example = "Analytical Engine")]
    name: String,
}

/// Found a team
///
/// The caller becomes its owner.
#[utoipa::path(post, path = "/api/v1/teams", tag = "teams", security(("bearer" = [])), request_body = CreateTeam, responses(
    (status = 201, description = "Founded", body = Envelope<TeamView>),
    (status = 401, description = "`unauthorized`", body = Fault),
    (status = 422, description = "`validation_failed`", body = Fault),
))]
pub(super) async fn create_team(
    State(users): State<Users>,
    principal: Principal,
    Json(body): Json<CreateTeam>,
) -> ApiResult<Reply<TeamView>> {
    let name = TeamName::parse(&body.name)?;
    let team = create_team::create_team(&users, &principal, name).await?;
    let (location, version) = (format!("/api/v1/teams/{}", team.id), team.version);
    Ok(Reply::created(&location, TeamView::from(team)).versioned(version))
}
