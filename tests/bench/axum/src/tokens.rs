//! Access tokens: signed with a key that was parsed once, and remembered when they were verified.

use std::{fs, path::PathBuf, time::Instant};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use uuid::Uuid;

use crate::{Failure, Server};

/// Seconds that an access token lives.
pub(crate) const ACCESS: i64 = 600;

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: Vec<String>,
    sub: Uuid,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: Uuid,
    sid: Uuid,
    adm: bool,
}

pub(crate) struct Tokens {
    folder: PathBuf,
    issuer: String,
    signing: EncodingKey,
    public: DecodingKey,
    validation: Validation,
    verified: moka::sync::Cache<[u8; 32], (Uuid, i64)>,
}

impl Tokens {
    pub(crate) fn read(folder: &str, issuer: &str) -> Result<Self, Failure> {
        let folder = PathBuf::from(folder);
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&["crewdeck"]);
        Ok(Self {
            signing: EncodingKey::from_rsa_pem(&fs::read(folder.join("signing.pem"))?)?,
            public: DecodingKey::from_rsa_pem(&fs::read(folder.join("public.pem"))?)?,
            issuer: issuer.to_owned(),
            validation,
            verified: moka::sync::Cache::new(20_000),
            folder,
        })
    }

    /// Who the token is of, if it is good now.
    fn verify(&self, token: &str) -> Option<Uuid> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some((user, exp)) = self.verified.get(&digest) {
            return (Utc::now().timestamp() < exp).then_some(user);
        }
        let claims = decode::<Claims>(token, &self.public, &self.validation);
        let claims = claims.ok()?.claims;
        self.verified.insert(digest, (claims.sub, claims.exp));
        Some(claims.sub)
    }

    pub(crate) fn sign(
        &self,
        user: Uuid,
        family: Uuid,
        is_admin: bool,
        at: DateTime<Utc>,
    ) -> Result<String, Failure> {
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some("at+jwt".to_owned());
        let at = at.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: vec!["crewdeck".to_owned()],
            sub: user,
            exp: at + ACCESS,
            iat: at,
            nbf: at,
            jti: Uuid::new_v4(),
            sid: family,
            adm: is_admin,
        };
        Ok(encode(&header, &claims, &self.signing)?)
    }

    /// Prints the seconds that a check takes, the first of a token and then one that is remembered.
    pub(crate) fn measure(&self) -> Result<(), Failure> {
        let text = fs::read_to_string(self.folder.join("tokens.txt"))?;
        let tokens: Vec<&str> = text.split_whitespace().collect();
        let mut figures = Vec::new();
        for _ in 0..2 {
            let started = Instant::now();
            for token in &tokens {
                self.verify(token).ok_or("a token is refused")?;
            }
            figures.push(started.elapsed().as_secs_f64() / tokens.len() as f64);
        }
        println!("{:.9} {:.9}", figures[0], figures[1]);
        Ok(())
    }
}

/// Who sends a request.
pub(crate) struct Caller(pub(crate) Uuid);

impl FromRequestParts<Arc<Server>> for Caller {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut Parts,
        server: &Arc<Server>,
    ) -> Result<Self, StatusCode> {
        let header = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        let user = token.and_then(|token| server.tokens.verify(token));
        user.map(Self).ok_or(StatusCode::UNAUTHORIZED)
    }
}
