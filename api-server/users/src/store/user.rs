//! Users.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::{GrantScope, PersonScope, Platform};
use super::{Change, broken_constraint};
use crate::Error;
use crate::model::{Email, Name, User};

/// A user on its way in.
pub(crate) struct NewUser<'a> {
    pub(crate) id: Uuid,
    pub(crate) email: &'a Email,
    pub(crate) name: &'a Name,
    pub(crate) password_hash: &'a str,
    pub(crate) is_admin: bool,
}

/// Adds a user, its audit row and its event.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    _: Platform,
    new: NewUser<'_>,
    change: &Change,
) -> Result<User, Error> {
    let diff = serde_json::json!({
        "email": {"before": null, "after": new.email.as_str()},
        "is_admin": {"before": null, "after": new.is_admin},
    });
    sqlx::query_as!(
        User,
        r#"with u as (
            insert into users (id, email, name, password_hash, is_admin, created_at, updated_at)
            values ($1, $2, $3, $4, $5, $6, $6)
            returning id, email, name, is_admin, version, created_at
        ), a as (
            insert into audit (entity, entity_id, actor, action, diff, request_id, at)
            select 'user', id, $7, 'user.created', $8, $9, $6 from u
        ), o as (
            insert into outbox (event_id, topic, event_type, entity_id, version, payload, actor, created_at)
            select $10, $11, $12, id, version, $13, $7, $6 from u
        )
        select id as "id!", email as "email!", name as "name!", is_admin as "is_admin!", version as "version!", created_at as "created_at!" from u"#,
        new.id,
        new.email.as_str(),
        new.name.as_str(),
        new.password_hash,
        new.is_admin,
        change.at,
        change.actor,
        diff,
        change.request_id,
        change.event_id,
        change.event.topic.as_str(),
        change.event.event_type,
        change.event.payload,
    )
    .fetch_one(connection)
    .await
    .map_err(|error| match broken_constraint(&error) {
        Some("users_email_key") => Error::EmailTaken,
        _ => error.into(),
    })
}

/// The person, while active.
pub(crate) async fn get(
    connection: &mut PgConnection,
    scope: PersonScope,
) -> Result<Option<User>, Error> {
    Ok(sqlx::query_as!(
        User,
        "select id, email, name, is_admin, version, created_at from users where id = $1 and not is_archived",
        scope.user(),
    )
    .fetch_optional(connection)
    .await?)
}

/// The active user of that address, for whoever may give them a role.
pub(crate) async fn find_by_email(
    connection: &mut PgConnection,
    _: GrantScope,
    email: &Email,
) -> Result<Option<User>, Error> {
    Ok(sqlx::query_as!(
        User,
        "select id, email, name, is_admin, version, created_at from users where lower(email) = $1 and not is_archived",
        email.as_str(),
    )
    .fetch_optional(connection)
    .await?)
}

/// Whom a sign-in asks for, and from where.
pub(crate) struct Sought<'a> {
    pub(crate) email: &'a Email,
    /// The network as it is stored; `None` where it cannot be told.
    pub(crate) network: Option<&'a str>,
    /// A network is known that was signed in from later than this.
    pub(crate) known_after: DateTime<Utc>,
    /// 32 bytes that draw somebody where nobody has the address: always the same for one address. Behind the last comes the
    /// first, so that somebody is drawn wherever there is anybody.
    pub(crate) draw: &'a [u8],
}

/// What a sign-in finds.
pub(crate) struct Found {
    /// The active user of that address.
    pub(crate) account: Option<Credentials>,
    /// The password hash of somebody who was drawn, to take the time of an account where there is none. Nobody signs in by it.
    pub(crate) decoy: Option<String>,
}

/// What a sign-in needs of a user.
pub(crate) struct Credentials {
    pub(crate) id: Uuid,
    pub(crate) password_hash: String,
    pub(crate) is_admin: bool,
    /// Whether somebody has signed in to it from that network.
    pub(crate) is_known: bool,
}

/// The sign-in data of an address: the same work whether anybody has it or not.
pub(crate) async fn credentials(
    connection: &mut PgConnection,
    sought: Sought<'_>,
) -> Result<Found, Error> {
    let row = sqlx::query!(
        r#"select u.id as "id?", u.password_hash as "password_hash?", u.is_admin as "is_admin?",
            exists (
                select from known_networks k where k.user_id = u.id and k.network = $2 and k.last_at > $3
            ) as "is_known!",
            coalesce((
                select d.password_hash from users d where not d.is_archived and sha256(uuid_send(d.id)) >= $4
                order by sha256(uuid_send(d.id)) limit 1
            ), (
                select d.password_hash from users d where not d.is_archived order by sha256(uuid_send(d.id)) limit 1
            )) as "decoy?"
         from (values (true)) as one (row) left join users u on lower(u.email) = $1 and not u.is_archived"#,
        sought.email.as_str(),
        sought.network,
        sought.known_after,
        sought.draw,
    )
    .fetch_one(connection)
    .await?;
    let account = match (row.id, row.password_hash, row.is_admin) {
        (Some(id), Some(password_hash), Some(is_admin)) => Some(Credentials {
            id,
            password_hash,
            is_admin,
            is_known: row.is_known,
        }),
        _ => None,
    };
    Ok(Found {
        account,
        decoy: row.decoy,
    })
}

/// Waits for whoever is creating the first administrator, until the transaction ends.
pub(crate) async fn lock_first_admin(
    connection: &mut PgConnection,
    _: Platform,
) -> Result<(), Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('users.first_admin')) is null as locked")
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Whether any active administrator exists.
pub(crate) async fn any_admin(connection: &mut PgConnection, _: Platform) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from users where is_admin and not is_archived) as "exists!""#
    )
    .fetch_one(connection)
    .await?)
}

/// Active users, newest first, after `after` (creation time and id).
pub(crate) async fn list(
    connection: &mut PgConnection,
    _: Platform,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<User>, Error> {
    let (at, id) = after.unzip();
    Ok(sqlx::query_as!(
        User,
        "select id, email, name, is_admin, version, created_at from users
         where not is_archived and ($1::timestamptz is null or (created_at, id) < ($1, $2::uuid))
         order by created_at desc, id desc limit $3",
        at,
        id,
        limit,
    )
    .fetch_all(connection)
    .await?)
}
