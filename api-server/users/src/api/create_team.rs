//! `POST /api/v1/teams`.

use axum::extract::State;
use common_http::{ApiResult, Attempt, Envelope, Json, Reply, Written};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::rules;
use super::views::TeamView;
use crate::Users;
use crate::model::TeamName;
use crate::service::create_team;

/// A new team.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTeam {
    #[garde(custom(rules::team_name))]
    #[schema(value_type = TeamName)]
    name: String,
}

/// Found a team
///
/// The caller becomes its owner.
#[utoipa::path(post, path = "/api/v1/teams", tag = "teams", request_body = CreateTeam,
    params(Attempt),
    responses(
    (status = 201, description = "Founded", body = Envelope<TeamView>),
))]
pub(super) async fn create_team(
    State(users): State<Users>,
    attempt: Attempt,
    Json(body): Json<CreateTeam>,
) -> ApiResult<Written> {
    let name = TeamName::parse(&body.name)?;
    create_team::create_team(&users, &attempt, &name, |team| {
        let location = format!("/api/v1/teams/{}", team.id);
        let (role, version) = (team.role.as_str(), team.version);
        Reply::created(&location, TeamView::from(team)).versioned_for(role, version)
    })
    .await
}
