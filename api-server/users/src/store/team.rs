//! Teams. A team is visible to its members alone.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Record;
use super::scope::{ChangeScope, Own, parse_role};
use crate::Error;
use crate::model::Team;

/// Adds a team with whoever asks as its owner, the audit row and the event.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    own: Own,
    team: &Team,
    record: &Record,
) -> Result<(), Error> {
    let change = &record.change;
    sqlx::query!(
        "with t as (
            insert into teams (id, name, version, created_by, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $5)
            returning id, version
        ), m as (
            insert into memberships (team_id, user_id, role, version, created_at)
            select id, $4, $6, version, $5 from t
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', id, id, $4, $7, $8, $9, $5 from t
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $10, $11, $12, id, version, $13, $4, $5 from t",
        team.id,
        team.name,
        team.version,
        own.user(),
        team.created_at,
        team.role.as_str(),
        record.action,
        record.diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the changed team with its audit row and event, in one statement. Its row is locked (`TeamScope::locked`), and
/// `team.version` is one above the version that was read.
pub(crate) async fn update(
    connection: &mut PgConnection,
    scope: ChangeScope,
    team: &Team,
    record: &Record,
) -> Result<(), Error> {
    let change = &record.change;
    sqlx::query!(
        "with t as (
            update teams set name = $2, is_archived = $3, version = $4, updated_at = $5 where id = $1
            returning id
        ), a as (
            insert into audit (entity, entity_id, team_id, actor, action, diff, request_id, at)
            select 'team', id, id, $6, $7, $8, $9, $5 from t
        )
        insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
        select $10, $11, $12, id, $4, $13, $6, $5 from t",
        scope.team(),
        team.name,
        team.is_archived,
        team.version,
        team.updated_at,
        change.actor,
        record.action,
        record.diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.payload,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Teams of whoever asks, the archived ones or the others, newest first, after `after` (creation time and id).
pub(crate) async fn list_of(
    connection: &mut PgConnection,
    own: Own,
    archived: bool,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Team>, Error> {
    let (at, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        "select t.id, t.name, t.is_archived, t.version, t.created_at, t.updated_at, m.role
         from memberships m join teams t on t.id = m.team_id
         where m.user_id = $1 and t.is_archived = $2
           and ($3::timestamptz is null or (t.created_at, t.id) < ($3, $4::uuid))
         order by t.created_at desc, t.id desc limit $5",
        own.user(),
        archived,
        at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Team::try_from).collect()
}

/// A team as its member's row tells it.
struct Row {
    id: Uuid,
    name: String,
    is_archived: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    role: String,
}

impl TryFrom<Row> for Team {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            name: row.name,
            is_archived: row.is_archived,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            role: parse_role(&row.role)?,
        })
    }
}
