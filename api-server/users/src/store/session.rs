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

/// The password that a sign-in has proved.
pub(crate) struct Proof<'a> {
    /// The hash that it fits.
    pub(crate) hash: &'a str,
    /// The hash that takes its place, if it is to be made anew.
    pub(crate) renewed: Option<&'a str>,
}

/// Adds the first token of a sign-in, and tells whether it did: the account is active and its password hash is still the one
/// that was proved, or nothing is done. In the same statement, the network it came from becomes known, and the password hash
/// is renewed. A change of the account that is under way is waited for.
pub(crate) async fn start(
    connection: &mut PgConnection,
    new: NewToken<'_>,
    network: Option<&str>,
    proof: Proof<'_>,
) -> Result<bool, Error> {
    let started = sqlx::query!(
        "with account as (
            select id from users where id = $3 and not is_archived and password_hash = $9 for no key update
        ), known as (
            insert into known_networks (user_id, network, last_at) select id, $8, $6 from account where $8::text is not null
            on conflict (user_id, network) do update set last_at = excluded.last_at
        ), renewed as (
            update users set password_hash = $10 where id = (select id from account) and $10::text is not null
        )
        insert into sessions (id, family_id, user_id, token_hash, client, created_at, expires_at)
        select $1, $2, id, $4, $5, $6, $7 from account",
        new.id,
        new.family_id,
        new.user_id,
        new.token_hash,
        new.client,
        new.created_at,
        new.expires_at,
        network,
        proof.hash,
        proof.renewed,
    )
    .execute(connection)
    .await?;
    Ok(started.rows_affected() > 0)
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

/// Ends the family of the token of that hash; gives family and user if it lived. In the same statement, its access tokens are
/// revoked: the last of them is good until `last_access` at most.
pub(crate) async fn end(
    connection: &mut PgConnection,
    token_hash: &[u8],
    at: DateTime<Utc>,
    last_access: DateTime<Utc>,
) -> Result<Option<(Uuid, Uuid)>, Error> {
    let ended = sqlx::query!(
        "with ended as (
            update sessions set revoked_at = $2
            where family_id = (select family_id from sessions where token_hash = $1) and revoked_at is null
            returning family_id, user_id
        ), family as (
            select distinct family_id, user_id from ended
        ), revoked as (
            insert into revocations (session_id, expires_at) select family_id, $3 from family
            on conflict (session_id) do update set expires_at = excluded.expires_at
        )
        select family_id, user_id from family",
        token_hash,
        at,
        last_access,
    )
    .fetch_optional(connection)
    .await?;
    Ok(ended.map(|family| (family.family_id, family.user_id)))
}

/// Ends a whole family and revokes its access tokens, as [`end`] does.
pub(crate) async fn revoke_family(
    connection: &mut PgConnection,
    family: Uuid,
    at: DateTime<Utc>,
    last_access: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "with ended as (update sessions set revoked_at = $2 where family_id = $1 and revoked_at is null)
        insert into revocations (session_id, expires_at) values ($1, $3)
        on conflict (session_id) do update set expires_at = excluded.expires_at",
        family,
        at,
        last_access,
    )
    .execute(connection)
    .await?;
    Ok(())
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
