//! `POST /api/v1/teams`.

use axum::extract::State;
use common_http::idempotency::{Answer, Attempt};
use common_http::{ApiResult, Envelope, IdempotencyKey, Json, Principal, Reply};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules;
use super::views::TeamView;
use crate::Users;
use crate::model::TeamName;
use crate::service::create_team;

/// A new team.
#[derive(Deserialize, Serialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateTeam {
    #[garde(custom(rules::team_name))]
    #[schema(value_type = TeamName)]
    name: String,
}

/// Found a team
///
/// The caller becomes its owner. With an `Idempotency-Key` the request can be sent again without a second team.
#[utoipa::path(post, path = "/api/v1/teams", tag = "teams", request_body = CreateTeam,
    params(IdempotencyKey),
    responses(
    (status = 201, description = "Founded", body = Envelope<TeamView>),
    (status = 422, description = "`validation_failed`, `idempotency_key_reused`"),
))]
pub(super) async fn create_team(
    State(users): State<Users>,
    principal: Principal,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateTeam>,
) -> ApiResult<Answer<TeamView>> {
    let name = TeamName::parse(&body.name)?;
    let attempt = key.as_deref().map(|key| Attempt {
        principal: principal.user_id,
        key,
        method: "POST",
        path: "/api/v1/teams",
    });
    let again = attempt.map(|attempt| (attempt, &body));
    create_team::create_team(&users, &principal, name, again, |team| {
        let (location, version) = (format!("/api/v1/teams/{}", team.id), team.version);
        Reply::created(&location, TeamView::from(team)).versioned(version)
    })
    .await
}
