//! Use case: exchange a refresh token for the next pair.

use chrono::TimeDelta;
use common_telemetry::audit_event;

use super::tokens::{Client, Tokens, hash};
use crate::store::session::{self, NewToken, Token};
use crate::{Error, Users};

/// Two tabs of one browser refresh at once: within this time the second gets what the first got.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// Rotates the token. A used token that comes back later, or from another program, was stolen or
/// copied: its whole family ends.
pub(crate) async fn refresh(users: &Users, token: &str, client: &Client) -> Result<Tokens, Error> {
    let now = users.clock.now();
    let mut transaction = common_db::begin(&users.pools.write).await?;
    let known = session::lock(&mut transaction, &hash(token))
        .await?
        .ok_or(Error::BadRefresh)?;
    if known.is_revoked || known.expires_at <= now || known.user_is_archived {
        return Err(Error::BadRefresh);
    }
    let Token {
        user_id,
        is_admin,
        family_id,
        ..
    } = known;
    if let Some((used_at, successor)) = known.used_at.zip(known.successor_id) {
        if now - used_at <= GRACE && known.client == client.agent {
            let refresh = users.successor(token, successor);
            return users.tokens(user_id, is_admin, family_id, refresh, now);
        }
        session::revoke_family(&mut transaction, family_id, now, users.last_access(now)).await?;
        transaction.commit().await?;
        audit_event!(
            actor = user_id,
            action = "session.reuse_detected",
            entity = "session",
            id = family_id,
            "a used refresh token came back: the sign-in was ended"
        );
        return Err(Error::BadRefresh);
    }
    let id = users.ids.uuid();
    let refresh = users.successor(token, id);
    let new = NewToken {
        id,
        family_id,
        user_id,
        token_hash: &hash(&refresh),
        client: &client.agent,
        created_at: now,
        expires_at: known.expires_at,
    };
    let tokens = users.tokens(user_id, is_admin, family_id, refresh, now)?;
    session::rotate(&mut transaction, known.id, new).await?;
    transaction.commit().await?;
    Ok(tokens)
}
