//! Use cases that only read.

use chrono::{DateTime, Utc};
use common_http::{Limit, Principal};
use uuid::Uuid;

use crate::model::{Member, Team, User};
use crate::store::{team, user};
use crate::{Error, Users, facade};

/// Where a list goes on: creation time and id of the last row.
pub(crate) type Position = (DateTime<Utc>, Uuid);

/// Refuses everybody but administrators.
pub(crate) fn admin_only(principal: &Principal) -> Result<(), Error> {
    if principal.is_admin {
        return Ok(());
    }
    Err(Error::Forbidden(
        "only an administrator of the platform may do this",
    ))
}

/// A user, for administrators and for the user; to others it does not exist.
pub(crate) async fn get_user(
    users: &Users,
    principal: &Principal,
    id: Uuid,
) -> Result<User, Error> {
    if id != principal.user_id && !principal.is_admin {
        return Err(Error::NotFound("user"));
    }
    let mut connection = users.pools.write.acquire().await?;
    user::get(&mut connection, id)
        .await?
        .ok_or(Error::NotFound("user"))
}

/// A page of users, newest first, for administrators; one row more than `limit` when it goes on.
pub(crate) async fn list_users(
    users: &Users,
    principal: &Principal,
    after: Option<Position>,
    limit: Limit,
) -> Result<Vec<User>, Error> {
    admin_only(principal)?;
    let mut connection = users.pools.write.acquire().await?;
    user::list(&mut connection, after, limit.rows_and_one()).await
}

/// A page of the caller's teams, newest first; one row more than `limit` when it goes on.
pub(crate) async fn list_teams(
    users: &Users,
    principal: &Principal,
    after: Option<Position>,
    limit: Limit,
) -> Result<Vec<Team>, Error> {
    let mut connection = users.pools.write.acquire().await?;
    team::list_of(
        &mut connection,
        principal.user_id,
        after,
        limit.rows_and_one(),
    )
    .await
}

/// One of the caller's teams.
pub(crate) async fn get_team(
    users: &Users,
    principal: &Principal,
    team: Uuid,
) -> Result<Team, Error> {
    let mut connection = users.pools.write.acquire().await?;
    team::get_of(&mut connection, principal.user_id, team)
        .await?
        .ok_or(Error::NotFound("team"))
}

/// A page of the members of one of the caller's teams, by name; one row more than `limit` when it goes on.
pub(crate) async fn members(
    users: &Users,
    principal: &Principal,
    team: Uuid,
    after: Option<(String, Uuid)>,
    limit: Limit,
) -> Result<Vec<Member>, Error> {
    let mut connection = users.pools.write.acquire().await?;
    facade::may_read(&mut connection, principal.user_id, team).await?;
    team::members(&mut connection, team, after, limit.rows_and_one()).await
}
