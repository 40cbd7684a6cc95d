//! Who is in a team. What changes it has locked the team's row (`TeamScope::locked`), and raises the team's version with it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::{GrantScope, RemovalScope, TeamScope, parse_role};
use super::{Record, broken_constraint};
use crate::Error;
use crate::model::Member;

/// Adds a member, raises the team's version, with audit row and event, in one statement.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    scope: GrantScope,
    user: Uuid,
    record: &Record,
) -> Result<(), Error> {
    let change = &record.change;
    sqlx::query!(
        "with m as (
            insert into memberships (team_id, user_id, role, version, created_at)
            values ($1, $2, $3, $12, $4)
            returning team_id
        ), t as (
            update teams set version = $12, updated_at = $4 where id = (select team_id from m)
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', team_id, team_id, $5, $6, $7, $8, $4 from m
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $9, $10, $11, team_id, $12, $13, $5, $4 from m",
        scope.team(),
        user,
        scope.role().as_str(),
        change.at,
        change.actor,
        record.action,
        record.diff,
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

/// Gives a member another role, raises the team's version, with audit row and event, in one statement.
pub(crate) async fn update(
    connection: &mut PgConnection,
    scope: GrantScope,
    user: Uuid,
    record: &Record,
) -> Result<(), Error> {
    let change = &record.change;
    sqlx::query!(
        "with m as (
            update memberships set role = $3, version = $12, updated_at = $4 where team_id = $1 and user_id = $2
            returning team_id
        ), t as (
            update teams set version = $12, updated_at = $4 where id = (select team_id from m)
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', team_id, team_id, $5, $6, $7, $8, $4 from m
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $9, $10, $11, team_id, $12, $13, $5, $4 from m",
        scope.team(),
        user,
        scope.role().as_str(),
        change.at,
        change.actor,
        record.action,
        record.diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.version,
        change.event.payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes a member, raises the team's version, with audit row and event, in one statement.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    scope: RemovalScope,
    record: &Record,
) -> Result<(), Error> {
    let change = &record.change;
    sqlx::query!(
        "with m as (
            delete from memberships where team_id = $1 and user_id = $2
            returning team_id
        ), t as (
            update teams set version = $11, updated_at = $3 where id = (select team_id from m)
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', team_id, team_id, $4, $5, $6, $7, $3 from m
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $8, $9, $10, team_id, $11, $12, $4, $3 from m",
        scope.team(),
        scope.user(),
        change.at,
        change.actor,
        record.action,
        record.diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.version,
        change.event.payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The member, while their account is active.
pub(crate) async fn get(
    connection: &mut PgConnection,
    scope: &TeamScope,
    user: Uuid,
) -> Result<Member, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select u.id, u.email, u.name, u.version as user_version, m.role, m.version, m.created_at,
                  coalesce(m.updated_at, m.created_at) as "updated_at!"
           from memberships m join users u on u.id = m.user_id
           where m.team_id = $1 and m.user_id = $2 and not u.is_archived"#,
        scope.team().id,
        user,
    )
    .fetch_optional(connection)
    .await?;
    row.ok_or(Error::NotFound("member"))?.try_into()
}

/// Whether the team has an owner with an active account besides that user.
pub(crate) async fn has_another_owner(
    connection: &mut PgConnection,
    scope: &TeamScope,
    user: Uuid,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
            select from memberships m join users u on u.id = m.user_id
            where m.team_id = $1 and m.user_id <> $2 and m.role = 'owner' and not u.is_archived
        ) as "exists!""#,
        scope.team().id,
        user,
    )
    .fetch_one(connection)
    .await?)
}

/// Members of the team, by name, after `after` (name and id).
pub(crate) async fn page(
    connection: &mut PgConnection,
    scope: &TeamScope,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Member>, Error> {
    let (name, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        r#"select u.id, u.email, u.name, u.version as user_version, m.role, m.version, m.created_at,
                  coalesce(m.updated_at, m.created_at) as "updated_at!"
           from memberships m join users u on u.id = m.user_id
           where m.team_id = $1 and not u.is_archived
             and ($2::text is null or (u.name, u.id) > ($2, $3::uuid))
           order by u.name, u.id limit $4"#,
        scope.team().id,
        name,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Member::try_from).collect()
}

/// A member as two rows tell it.
struct Row {
    id: Uuid,
    email: String,
    name: String,
    user_version: i64,
    role: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Member {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            user_id: row.id,
            email: row.email,
            name: row.name,
            user_version: row.user_version,
            role: parse_role(&row.role)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
