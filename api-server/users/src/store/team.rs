//! Teams and memberships. A team is visible to its members alone.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::{GrantScope, Own, TeamScope, parse_role};
use super::{Change, broken_constraint};
use crate::model::{Member, Team, TeamName};
use crate::{Error, Role};

/// Adds a team with whoever asks as its owner, the audit row and the event.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    own: Own,
    id: Uuid,
    name: &TeamName,
    change: &Change,
) -> Result<Team, Error> {
    let diff = serde_json::json!({"name": {"before": null, "after": name.as_str()}});
    let row = sqlx::query!(
        r#"with t as (
            insert into teams (id, name, created_by, created_at, updated_at)
            values ($1, $2, $3, $4, $4)
            returning id, name, version, created_at
        ), m as (
            insert into memberships (team_id, user_id, role, created_at)
            select id, $3, 'owner', $4 from t
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', id, id, $3, 'team.created', $5, $6, $4 from t
        ), o as (
            insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
            select $7, $8, $9, id, version, $10, $3, $4 from t
        )
        select id as "id!", name as "name!", version as "version!", created_at as "created_at!" from t"#,
        id,
        name.as_str(),
        own.user(),
        change.at,
        diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.payload,
    )
    .fetch_one(connection)
    .await?;
    Ok(Team {
        id: row.id,
        name: row.name,
        version: row.version,
        created_at: row.created_at,
        role: Role::Owner,
    })
}

/// Adds a member, raises the team's version, with audit row and event. The team's row is locked by
/// the caller's [`lock`], so that the event carries the version that this makes.
pub(crate) async fn add_member(
    connection: &mut PgConnection,
    scope: GrantScope,
    user: Uuid,
    change: &Change,
) -> Result<(), Error> {
    let role = scope.role();
    let diff =
        serde_json::json!({"members": {"before": null, "after": {"user_id": user, "role": role}}});
    sqlx::query!(
        "with m as (
            insert into memberships (team_id, user_id, role, created_at)
            values ($1, $2, $3, $4)
            returning team_id
        ), t as (
            update teams set version = $11, updated_at = $4 where id = (select team_id from m)
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', team_id, team_id, $5, 'team.member_added', $6, $7, $4 from m
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $8, $9, $10, team_id, $11, $12, $5, $4 from m",
        scope.team(),
        user,
        role.as_str(),
        change.at,
        change.actor,
        diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.version,
        change.event.payload,
    )
    .execute(connection)
    .await
    .map_err(|error| match broken_constraint(&error) {
        Some("memberships_pkey") => Error::AlreadyMember,
        _ => error.into(),
    })?;
    Ok(())
}

/// Locks the team's row and gives its version.
pub(crate) async fn lock(connection: &mut PgConnection, scope: GrantScope) -> Result<i64, Error> {
    sqlx::query_scalar!(
        "select version from teams where id = $1 and not is_archived for update",
        scope.team()
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Error::NotFound("team"))
}

/// Active teams of whoever asks, newest first, after `after` (creation time and id).
pub(crate) async fn list_of(
    connection: &mut PgConnection,
    own: Own,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Team>, Error> {
    let (at, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        "select t.id, t.name, t.version, t.created_at, m.role
         from memberships m join teams t on t.id = m.team_id
         where m.user_id = $1 and not t.is_archived
           and ($2::timestamptz is null or (t.created_at, t.id) < ($2, $3::uuid))
         order by t.created_at desc, t.id desc limit $4",
        own.user(),
        at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Team::try_from).collect()
}

/// The active team `team`, if whoever asks is one of its members.
pub(crate) async fn get_of(
    connection: &mut PgConnection,
    own: Own,
    team: Uuid,
) -> Result<Option<Team>, Error> {
    let row = sqlx::query_as!(
        Row,
        "select t.id, t.name, t.version, t.created_at, m.role
         from memberships m join teams t on t.id = m.team_id
         where m.user_id = $1 and t.id = $2 and not t.is_archived",
        own.user(),
        team,
    )
    .fetch_optional(connection)
    .await?;
    row.map(Team::try_from).transpose()
}

/// Members of the team, by name, after `after` (name and id).
pub(crate) async fn members(
    connection: &mut PgConnection,
    scope: TeamScope,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Member>, Error> {
    let (name, id) = after.unzip();
    let rows = sqlx::query!(
        "select u.id, u.email, u.name, m.role, m.created_at
         from memberships m join users u on u.id = m.user_id
         where m.team_id = $1 and not u.is_archived
           and ($2::text is null or (u.name, u.id) > ($2, $3::uuid))
         order by u.name, u.id limit $4",
        scope.team(),
        name,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                user_id: row.id,
                email: row.email,
                name: row.name,
                role: parse_role(&row.role)?,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// A team as its member's row tells it.
struct Row {
    id: Uuid,
    name: String,
    version: i64,
    created_at: DateTime<Utc>,
    role: String,
}

impl TryFrom<Row> for Team {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            name: row.name,
            version: row.version,
            created_at: row.created_at,
            role: parse_role(&row.role)?,
        })
    }
}
