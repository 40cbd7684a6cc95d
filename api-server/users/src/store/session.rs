//! Refresh tokens, hashed, in families: one family per sign-in. Whoever has a token needs no other right.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::scope::Platform;
use crate::Error;

/// A refresh token on its way in.
pub(crate) struct NewToken<'a> {
    pub(crate) id: Uuid,
    pub(crate) family_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) token_hash: &'a [u8],
    pub(crate) client: &'a str,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// A refresh token as it is known.
pub(crate) struct Token {
    pub(crate) id: Uuid,
    pub(crate) family_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) client: String,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) used_at: Option<DateTime<Utc>>,
    pub(crate) successor_id: Option<Uuid>,
    /// Whether any token of the family was revoked: one that was being exchanged meanwhile counts too.
    pub(crate) is_revoked: bool,
    pub(crate) is_admin: bool,
    pub(crate) user_is_archived: bool,
}

/// A password hash that takes the place of another one.
pub(crate) struct Renewal<'a> {
    pub(crate) former: &'a str,
    pub(crate) renewed: &'a str,
}

/// Adds the first token of a sign-in. In the same statement, the network it came from becomes known, and the password hash is
/// renewed unless somebody has changed it meanwhile.
pub(crate) async fn start(
    connection: &mut PgConnection,
    new: NewToken<'_>,
    network: Option<&str>,
    renewal: Option<Renewal<'_>>,
) -> Result<(), Error> {
    sqlx::query!(
        "with known as (
            insert into known_networks (user_id, network, last_at) select $3, $8, $6 where $8::text is not null
            on conflict (user_id, network) do update set last_at = excluded.last_at
        ), renewed as (
            update users set password_hash = $10 where id = $3 and password_hash = $9 and $10::text is not null
        )
        insert into sessions (id, family_id, user_id, token_hash, client, created_at, expires_at)
        values ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        new.family_id,
        new.user_id,
        new.token_hash,
        new.client,
        new.created_at,
        new.expires_at,
        network,
        renewal.as_ref().map(|renewal| renewal.former),
        renewal.as_ref().map(|renewal| renewal.renewed),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The token of that hash, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    token_hash: &[u8],
) -> Result<Option<Token>, Error> {
    Ok(sqlx::query_as!(
        Token,
        r#"select s.id, s.family_id, s.user_id, s.client, s.expires_at, s.used_at, s.successor_id,
                exists (
                    select from sessions r where r.family_id = s.family_id and r.revoked_at is not null
                ) as "is_revoked!",
                u.is_admin, u.is_archived as user_is_archived
         from sessions s join users u on u.id = s.user_id
         where s.token_hash = $1 for update of s"#,
        token_hash,
    )
    .fetch_optional(connection)
    .await?)
}

/// Exchanges `used` for `new`, in one statement.
pub(crate) async fn rotate(
    connection: &mut PgConnection,
    used: Uuid,
    new: NewToken<'_>,
) -> Result<(), Error> {
    sqlx::query!(
        "with used as (update sessions set used_at = $7, successor_id = $2 where id = $1)
         insert into sessions (id, family_id, user_id, token_hash, client, created_at, expires_at)
         values ($2, $3, $4, $5, $6, $7, $8)",
        used,
        new.id,
        new.family_id,
        new.user_id,
        new.token_hash,
        new.client,
        new.created_at,
        new.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the family of the token of that hash; gives family and user if it lived.
pub(crate) async fn end(
    connection: &mut PgConnection,
    token_hash: &[u8],
    at: DateTime<Utc>,
) -> Result<Option<(Uuid, Uuid)>, Error> {
    let ended = sqlx::query!(
        "update sessions set revoked_at = $2
         where family_id = (select family_id from sessions where token_hash = $1) and revoked_at is null
         returning family_id, user_id",
        token_hash,
        at,
    )
    .fetch_all(connection)
    .await?;
    Ok(ended.first().map(|row| (row.family_id, row.user_id)))
}

/// Ends a whole family.
pub(crate) async fn revoke_family(
    connection: &mut PgConnection,
    family: Uuid,
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    Ok(sqlx::query!(
        "update sessions set revoked_at = $2 where family_id = $1 and revoked_at is null",
        family,
        at
    )
    .execute(connection)
    .await?
    .rows_affected())
}

/// Whether the sign-in `family` of `user` still lives.
pub(crate) async fn is_alive(
    connection: &mut PgConnection,
    family: Uuid,
    user: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
            select from sessions s join users u on u.id = s.user_id
            where s.family_id = $1 and s.user_id = $2 and s.expires_at > $3 and not u.is_archived
        ) and not exists (
            select from sessions r where r.family_id = $1 and r.revoked_at is not null
        ) as "alive!""#,
        family,
        user,
        now,
    )
    .fetch_one(connection)
    .await?)
}

/// Removes tokens that ended before `before`; gives their number.
pub(crate) async fn purge(
    connection: &mut PgConnection,
    _: Platform,
    before: DateTime<Utc>,
) -> Result<u64, Error> {
    Ok(sqlx::query!(
        "delete from sessions where expires_at < $1
             or family_id in (select family_id from sessions where revoked_at < $1)",
        before
    )
    .execute(connection)
    .await?
    .rows_affected())
}
