//! Use case: sign in with address and password.

use chrono::TimeDelta;
use common_auth::{PasswordError, Verdict};
use common_http::Network;
use common_telemetry::audit_event;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use tracing::Instrument as _;

use super::tokens::{Client, Tokens, hash};
use crate::limits::{Attempt, KNOWN};
use crate::model::Email;
use crate::store::session::{self, NewToken, Proof};
use crate::store::user::{self, Credentials, Found, Sought};
use crate::{Error, Users};

/// Bytes of a fresh refresh token.
const SECRET: usize = 32;
/// How often a sign-in looks at the hash: one beside it may make it anew meanwhile, and does so once.
const LOOKS: usize = 2;

/// Starts a family of refresh tokens. An unknown address takes the same time as a wrong password, and is limited alike.
///
/// It goes on to its end when the client leaves: one that was counted as failed, and that nobody has looked at yet, would stay
/// so; and if leaving took it back, whoever leaves in time would be counted for nothing.
pub(crate) async fn login(
    users: &Users,
    email: &str,
    password: SecretString,
    client: &Client,
) -> Result<Tokens, Error> {
    // What cannot be an address belongs to nobody, and is answered like a wrong password.
    let email = Email::parse(email).map_err(|_| Error::BadCredentials)?;
    let (users, client) = (users.clone(), client.clone());
    let whole = async move {
        let mut attempt = Attempt::default();
        let result = try_login(&users, &mut attempt, &email, password, &client).await;
        match &result {
            Ok(_) => users.limits.forgive(attempt).await,
            Err(Error::BadCredentials | Error::TooManyFailures { .. }) => {}
            // A full pool or a database that is away is nobody's failure.
            Err(_) => users.limits.withdraw(attempt).await,
        }
        result
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "a shutdown waits for its request; of one that nobody waits for, it cuts off an attempt that stays counted"
    )]
    let whole = tokio::spawn(whole.in_current_span());
    whole
        .await
        .unwrap_or(Err(Error::Password(PasswordError::Unavailable)))
}

async fn try_login(
    users: &Users,
    attempt: &mut Attempt,
    email: &Email,
    password: SecretString,
    client: &Client,
) -> Result<Tokens, Error> {
    let network = client.address.map(Network::of);
    users.limits.count_address(attempt, network).await?;
    let stored_network = network.map(|network| users.stored_network(email, network));
    let mut found = users.look_up(email, stored_network.as_deref()).await?;
    let is_known = found.account.as_ref().is_some_and(|known| known.is_known);
    let known_network = network.filter(|_| is_known);
    users
        .limits
        .count_account(attempt, email, known_network)
        .await?;
    for _ in 0..LOOKS {
        let stored = match &found.account {
            Some(account) => Some(account.password_hash.as_str()),
            None => found.decoy.as_deref(),
        };
        let verdict = users.hasher.verify(password.clone(), stored).await?;
        let (Some(account), Verdict::Right | Verdict::Outdated) = (found.account, verdict) else {
            return Err(Error::BadCredentials);
        };
        let renewed = match verdict {
            Verdict::Outdated => users.renewed(password.clone()).await,
            _ => None,
        };
        let started = users
            .start_session(&account, client, stored_network.as_deref(), renewed)
            .await?;
        if let Some(tokens) = started {
            return Ok(tokens);
        }
        found = users.look_up(email, stored_network.as_deref()).await?;
    }
    Err(Error::BadCredentials)
}

impl Users {
    /// What is stored of the address. Hashing takes long: the connection goes back before it.
    async fn look_up(&self, email: &Email, network: Option<&str>) -> Result<Found, Error> {
        let draw = Sha256::digest(self.keys.derive("decoy", email.as_str().as_bytes()));
        let mut connection = self.pools.write.acquire().await?;
        let sought = Sought {
            email,
            network,
            known_after: self.clock.now() - KNOWN,
            draw: draw.as_slice(),
        };
        user::credentials(&mut connection, sought).await
    }

    /// A network as it is stored beside an account: nobody who reads the database learns where a person was.
    fn stored_network(&self, email: &Email, network: Network) -> String {
        let input = format!("{}\n{network}", email.as_str());
        self.keys.derive("network", input.as_bytes())
    }

    /// The password in a hash of today. None when there is no room for it now: the next sign-in tries again.
    async fn renewed(&self, password: SecretString) -> Option<String> {
        let renewed = self.hasher.hash(password).await;
        renewed
            .inspect_err(|error| tracing::warn!(%error, "a password hash is not renewed yet"))
            .ok()
    }

    /// Starts a session, unless the account was archived or has another hash by now.
    async fn start_session(
        &self,
        account: &Credentials,
        client: &Client,
        network: Option<&str>,
        renewed: Option<String>,
    ) -> Result<Option<Tokens>, Error> {
        let now = self.clock.now();
        let (id, family) = (self.ids.uuid(), self.ids.uuid());
        let refresh = self.ids.token(SECRET);
        let new = NewToken {
            id,
            family_id: family,
            user_id: account.id,
            token_hash: &hash(&refresh),
            client: &client.agent,
            created_at: now,
            expires_at: now + TimeDelta::days(self.config.session_days),
        };
        let proof = Proof {
            hash: &account.password_hash,
            renewed: renewed.as_deref(),
        };
        let tokens = self.tokens(account.id, account.is_admin, family, refresh, now)?;
        let mut connection = self.pools.write.acquire().await?;
        if !session::start(&mut connection, new, network, proof).await? {
            return Ok(None);
        }
        audit_event!(
            actor = account.id,
            action = "session.started",
            entity = "session",
            id = family,
            "signed in"
        );
        if renewed.is_some() {
            audit_event!(
                actor = account.id,
                action = "user.password_rehashed",
                entity = "user",
                id = account.id,
                "password hash renewed"
            );
        }
        Ok(Some(tokens))
    }
}
