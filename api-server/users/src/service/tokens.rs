//! The pair of tokens that a sign-in or a refresh gives.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use common_auth::Claims;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Error, Users};

/// Seconds that an access token lives at most, however the pod that signs it is configured.
const LONGEST: i64 = 900;

/// Who sends a request, as far as it can be told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    pub(crate) address: Option<IpAddr>,
    /// What tells one program of a user from another: its `User-Agent`, shortened.
    pub(crate) agent: String,
}

/// An access token and the refresh token that follows it.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    /// Seconds that the access token lives.
    pub(crate) expires_in: i64,
}

/// What is stored of a refresh token.
pub(super) fn hash(refresh: &str) -> Vec<u8> {
    Sha256::digest(refresh).to_vec()
}

impl Users {
    /// The refresh token that follows `used`. It is derived, so that a repeated request gets the same
    /// one although only hashes are stored; without `used` and the platform's key nobody can make it.
    pub(super) fn successor(&self, used: &str, id: Uuid) -> String {
        let input = [used.as_bytes(), id.as_bytes()].concat();
        self.keys.derive("refresh", &input)
    }

    /// Until when any access token that is signed by `now` may be good: it is as old as one may become, signed where the clock
    /// is ahead, and verified where it is behind.
    pub(super) fn last_access(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let life = self.auth.access_token_seconds.max(LONGEST);
        now + TimeDelta::seconds(life + 2 * i64::from(self.auth.clock_skew_seconds))
    }

    /// Signs an access token of the sign-in `family` and puts `refresh` beside it.
    pub(super) fn tokens(
        &self,
        user: Uuid,
        is_admin: bool,
        family: Uuid,
        refresh: String,
        now: DateTime<Utc>,
    ) -> Result<Tokens, Error> {
        // Nobody would believe its tokens.
        if self.verifier.key_set().is_denied(&self.signer.kid()) {
            return Err(Error::KeyDenied);
        }
        let (iat, expires_in) = (now.timestamp(), self.auth.access_token_seconds);
        let access = self.signer.sign(&Claims {
            iss: self.auth.issuer.clone(),
            aud: vec![self.auth.audience.clone()],
            sub: user,
            exp: iat + expires_in,
            iat,
            nbf: iat,
            jti: self.ids.uuid(),
            sid: family,
            adm: is_admin,
        })?;
        Ok(Tokens {
            access,
            refresh,
            expires_in,
        })
    }
}
