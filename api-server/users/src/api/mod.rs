//! JSON over HTTP: one operation per file, and the table of routes.

mod add_member;
mod archive_team;
mod client;
mod create_team;
mod create_user;
mod former;
mod get_member;
mod get_team;
mod get_user;
mod keys;
mod list_members;
mod list_teams;
mod list_users;
mod login;
mod logout;
mod me;
mod patch_member;
mod patch_team;
mod refresh;
mod remove_member;
mod rules;
mod team_history;
mod views;

use std::sync::Arc;

use axum::extract::FromRef;
use common_auth::Verifier;
use common_http::{CursorKey, deprecated};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Users;

/// Every route of the domain with its part of the document, before there is anything to serve it with.
pub fn routes() -> OpenApiRouter<Users> {
    let mut routes = OpenApiRouter::new()
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(me::me))
        .routes(routes!(create_user::create_user, list_users::list_users))
        .routes(routes!(get_user::get_user))
        .routes(routes!(create_team::create_team, list_teams::list_teams))
        .routes(routes!(
            get_team::get_team,
            patch_team::patch_team,
            archive_team::delete_team
        ))
        .routes(routes!(archive_team::archive_team))
        .routes(routes!(archive_team::restore_team))
        .routes(routes!(team_history::team_history))
        .routes(routes!(add_member::add_member, list_members::list_members))
        .routes(routes!(
            get_member::get_member,
            patch_member::patch_member,
            remove_member::remove_member
        ))
        .routes(routes!(keys::jwks))
        .routes(routes!(keys::public_keys))
        .routes(deprecated(routes!(former::former_login), former::LOGIN))
        .routes(deprecated(routes!(former::former_refresh), former::REFRESH));
    add_member::one_of_two(routes.get_openapi_mut());
    routes
}

/// Every route of the domain.
#[must_use]
pub fn router(users: Users) -> OpenApiRouter {
    routes().with_state(users)
}

impl FromRef<Users> for Arc<Verifier> {
    fn from_ref(users: &Users) -> Self {
        Arc::clone(&users.verifier)
    }
}

impl FromRef<Users> for CursorKey {
    fn from_ref(users: &Users) -> Self {
        users.keys.clone()
    }
}
