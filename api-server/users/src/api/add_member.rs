//! `POST /api/v1/teams/{id}/members`.

use axum::extract::State;
use common_http::{ApiError, ApiResult, Attempt, Envelope, Json, Path, Reply, Violation, Written};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, OneOfBuilder, Type};
use uuid::Uuid;

use super::rules;
use super::views::MemberView;
use crate::model::Email;
use crate::service::add_member::{self, Whom};
use crate::{Role, Users};

/// A new member: an existing user, named by one of `user_id` and `email`.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddMember {
    #[garde(skip)]
    user_id: Option<Uuid>,
    #[garde(custom(rules::optional_email))]
    #[schema(value_type = Option<Email>)]
    email: Option<String>,
    #[garde(skip)]
    role: Role,
}

/// The document's schema of [`AddMember`] and the rule that its fields cannot tell one by one: exactly one of two is given.
pub(super) fn one_of_two(document: &mut OpenApi) {
    // Null is as good as absent.
    let given = |name: &str| {
        let text = ObjectBuilder::new().schema_type(Type::String);
        ObjectBuilder::new().property(name, text).required(name)
    };
    let components = document.components.get_or_insert_default();
    let Some(fields) = components.schemas.remove(&*AddMember::name()) else {
        return;
    };
    let choice = OneOfBuilder::new()
        .item(given("user_id"))
        .item(given("email"));
    let whole = AllOfBuilder::new().item(fields).item(choice);
    let name = AddMember::name().into_owned();
    components.schemas.insert(name, whole.into());
}

/// Add a member to a team
///
/// For owners and admins of the team; only an owner adds owners. With `dry_run`, the user is named by `user_id`: nobody is
/// looked up by address without a trace.
#[utoipa::path(post, path = "/api/v1/teams/{id}/members", tag = "teams", params(("id" = Uuid, Path), Attempt), request_body = AddMember, responses(
    (status = 201, description = "Added", body = Envelope<MemberView>),
    (status = 403, description = "`forbidden`"),
    (status = 404, description = "`not_found`: no such team or user"),
    (status = 409, description = "`already_member`, `team_archived`"),
))]
pub(super) async fn add_member(
    State(users): State<Users>,
    attempt: Attempt,
    Path(id): Path<Uuid>,
    Json(body): Json<AddMember>,
) -> ApiResult<Written> {
    let whom = match (body.user_id, body.email) {
        (Some(id), None) => Whom::Id(id),
        (None, Some(email)) => Whom::Email(Email::parse(&email)?),
        _ => {
            return Err(ApiError::invalid(vec![Violation::new(
                "/user_id",
                "one_of",
                "give exactly one of user_id and email",
            )]));
        }
    };
    add_member::add_member(&users, &attempt, id, whom, body.role, |member| {
        let location = format!("/api/v1/teams/{id}/members/{}", member.user_id);
        let (person, version) = (format!("u{}", member.user_version), member.version);
        Reply::created(&location, MemberView::from(member)).versioned_for(&person, version)
    })
    .await
}
