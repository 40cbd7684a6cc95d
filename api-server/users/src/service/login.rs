//! Use case: sign in with address and password.

use std::time::Duration;

use chrono::TimeDelta;
use common_telemetry::audit_event;
use secrecy::SecretString;

use super::tokens::{Client, Tokens, hash};
use crate::model::Email;
use crate::store::session::{self, NewToken};
use crate::store::user::{self, Credentials};
use crate::{Error, Users};

/// Bytes of a fresh refresh token.
const SECRET: usize = 32;
/// Bytes of the name that a device is known by.
const DEVICE: usize = 16;

/// What a sign-in gives.
pub(crate) struct SignIn {
    pub(crate) tokens: Tokens,
    /// What the client is known by from now on, as long as it shows it.
    pub(crate) device: String,
    pub(crate) known_for: Duration,
}

/// Starts a family of refresh tokens. An unknown address takes the same time as a wrong password.
pub(crate) async fn login(
    users: &Users,
    email: &str,
    password: SecretString,
    client: &Client,
) -> Result<SignIn, Error> {
    // What cannot be an address belongs to nobody, and is answered like a wrong password.
    let email = Email::parse(email).map_err(|_| Error::BadCredentials)?;
    let now = users.clock.now();
    let attempt = users.limits.admit(&email, client, now).await?;
    // Before anything is known of the account: the wait says nothing of it.
    tokio::time::sleep(attempt.wait).await;
    let known = match check(users, &email, password).await {
        Ok(known) => known.ok_or(Error::BadCredentials)?,
        Err(error) => {
            users.limits.withdraw(&attempt).await;
            return Err(error);
        }
    };
    let known_device = client.device.clone().filter(|_| attempt.is_of_device);
    let device = known_device.unwrap_or_else(|| users.ids.token(DEVICE));
    users.limits.forgive(&attempt, &device).await;
    let tokens = start(users, &known, client).await?;
    Ok(SignIn {
        tokens,
        device,
        known_for: users.limits.known_for(),
    })
}

/// The user of that address, if the password is right.
async fn check(
    users: &Users,
    email: &Email,
    password: SecretString,
) -> Result<Option<Credentials>, Error> {
    let mut connection = users.pools.write.acquire().await?;
    let known = user::credentials(&mut connection, email).await?;
    // Hashing takes long: the connection goes back meanwhile.
    drop(connection);
    let stored = known.as_ref().map(|known| known.password_hash.as_str());
    let correct = users.hasher.verify(password, stored).await?;
    Ok(known.filter(|_| correct))
}

async fn start(users: &Users, known: &Credentials, client: &Client) -> Result<Tokens, Error> {
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
