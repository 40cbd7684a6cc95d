//! Use cases that only read.

use chrono::{DateTime, Utc};
use common_history::Entry;
use common_http::{Limit, Principal};
use uuid::Uuid;

use crate::model::{Member, Team, User};
use crate::store::scope::{Own, PersonScope, Platform, TeamScope};
use crate::store::{member, team, user};
use crate::{Error, Users};

/// Where a list goes on: creation time and id of the last row.
pub(crate) type Position = (DateTime<Utc>, Uuid);

/// A user, for administrators and for the user; to others it does not exist.
pub(crate) async fn get_user(
    users: &Users,
    principal: &Principal,
    id: Uuid,
) -> Result<User, Error> {
    let scope = PersonScope::of(principal, id)?;
    let mut connection = users.pools.write.acquire().await?;
    user::get(&mut connection, scope)
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
    let scope = Platform::of(principal)?;
    let mut connection = users.pools.write.acquire().await?;
    user::list(&mut connection, scope, after, limit.rows_and_one()).await
}

/// A page of the caller's teams, the archived ones or the others, newest first; one row more than `limit` when it goes on.
pub(crate) async fn list_teams(
    users: &Users,
    principal: &Principal,
    archived: bool,
    after: Option<Position>,
    limit: Limit,
) -> Result<Vec<Team>, Error> {
    let mut connection = users.pools.write.acquire().await?;
    team::list_of(
        &mut connection,
        Own::of(principal),
        archived,
        after,
        limit.rows_and_one(),
    )
    .await
}

/// One of the caller's teams, archived or not.
pub(crate) async fn get_team(
    users: &Users,
    principal: &Principal,
    team: Uuid,
) -> Result<Team, Error> {
    let mut connection = users.pools.write.acquire().await?;
    let scope = TeamScope::of(&mut connection, Own::of(principal), team).await?;
    Ok(scope.into_team())
}

/// A page of what was done to one of the caller's teams and its members; one row more than `limit` when it goes on.
pub(crate) async fn team_history(
    users: &Users,
    principal: &Principal,
    team: Uuid,
    before: Option<i64>,
    limit: Limit,
) -> Result<Vec<Entry>, Error> {
    let mut connection = users.pools.write.acquire().await?;
    let scope = TeamScope::of(&mut connection, Own::of(principal), team).await?;
    Ok(scope.history().page(&mut connection, before, limit).await?)
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
    let scope = TeamScope::of(&mut connection, Own::of(principal), team).await?;
    member::page(&mut connection, &scope, after, limit.rows_and_one()).await
}

/// One of them.
pub(crate) async fn member(
    users: &Users,
    principal: &Principal,
    (team, user): (Uuid, Uuid),
) -> Result<Member, Error> {
    let mut connection = users.pools.write.acquire().await?;
    let scope = TeamScope::of(&mut connection, Own::of(principal), team).await?;
    member::get(&mut connection, &scope, user).await
}
