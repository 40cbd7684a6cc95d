//! Use case: sign in with address and password.

use chrono::TimeDelta;
use common_telemetry::audit_event;
use secrecy::SecretString;

use super::tokens::{Client, Tokens, hash};
use crate::model::Email;
use crate::store::session::{self, NewToken};
use crate::store::user;
use crate::{Error, Users};

/// Bytes of a fresh refresh token.
const SECRET: usize = 32;

/// Starts a family of refresh tokens. An unknown address takes the same time as a wrong password.
pub(crate) async fn login(
    users: &Users,
    email: &str,
    password: SecretString,
    client: &Client,
) -> Result<Tokens, Error> {
    // What cannot be an address belongs to nobody, and is answered like a wrong password.
    let email = Email::parse(email).map_err(|_| Error::BadCredentials)?;
    let attempt = users.limits.admit(&email, client.address).await?;
    let mut connection = users.pools.write.acquire().await?;
    let known = user::credentials(&mut connection, &email).await?;
    // Hashing takes long: the connection goes back meanwhile.
    drop(connection);
    let stored = known.as_ref().map(|known| known.password_hash.as_str());
    let correct = users.hasher.verify(password, stored).await?;
    let Some(known) = known.filter(|_| correct) else {
        return Err(Error::BadCredentials);
    };
    users.limits.forgive(attempt).await;

    let now = users.clock.now();
    let (id, family) = (users.ids.uuid(), users.ids.uuid());
    let refresh = users.ids.token(SECRET);
    let new = NewToken {
        id,
        family_id: family,
        user_id: known.id,
        token_hash: &hash(&refresh),
        client: &client.agent,
        created_at: now,
        expires_at: now + TimeDelta::days(users.config.session_days),
    };
    let tokens = users.tokens(known.id, known.is_admin, family, refresh, now)?;
    let mut connection = users.pools.write.acquire().await?;
    session::insert(&mut connection, new).await?;
    audit_event!(
        actor = known.id,
        action = "session.started",
        entity = "session",
        id = family,
        "signed in"
    );
    Ok(tokens)
}
