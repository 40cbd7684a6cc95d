//! A set of public keys as a verifier holds it.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::header::is_kid;

/// Longest document, in bytes.
const LONGEST: usize = 64 * 1024;
/// Shortest modulus: 2048 bits in base64url without padding.
const SHORTEST_MODULUS: usize = 342;

/// A document that is not an acceptable key set; the last good one is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Longer than 64 KiB, not JSON, or a member of the wrong type.
    #[error("the key set is not valid: {0}")]
    Syntax(String),
    /// No key at all: never served, never accepted.
    #[error("the key set is empty")]
    Empty,
    /// A key that is not a public RS256 key of at least 2048 bits.
    #[error("key {kid} is refused: {reason}")]
    Key {
        /// Its kid, or "?".
        kid: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// Public keys by kid, the kids that are denied, and the generation they belong to.
#[derive(Clone)]
pub struct KeySet {
    keys: HashMap<String, DecodingKey>,
    denied: HashSet<String>,
    epoch: u64,
    data_timestamp: Option<DateTime<Utc>>,
    document: String,
    etag: String,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<PublicJwk>,
}

#[derive(Deserialize)]
struct PublicJwk {
    kty: String,
    n: String,
    e: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    d: Option<serde::de::IgnoredAny>,
    p: Option<serde::de::IgnoredAny>,
    q: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    epoch: u64,
    data_timestamp: Option<DateTime<Utc>>,
    #[serde(default)]
    revoked: Vec<String>,
}

impl KeySet {
    /// Reads `jwks.json` and, where there is one, `meta.json` beside it.
    ///
    /// # Errors
    /// When the document is not an acceptable set of public keys.
    pub fn parse(jwks: &str, meta: Option<&str>) -> Result<Self, KeySetError> {
        if jwks.len() > LONGEST {
            return Err(KeySetError::Syntax("longer than 64 KiB".to_owned()));
        }
        let syntax = |error: serde_json::Error| KeySetError::Syntax(error.to_string());
        let document: Document = serde_json::from_str(jwks).map_err(syntax)?;
        let meta: Meta = meta.map_or(Ok(Meta::default()), |text| {
            serde_json::from_str(text).map_err(syntax)
        })?;
        let mut keys = HashMap::new();
        for jwk in document.keys {
            let (kid, key) = jwk.admit()?;
            keys.insert(kid, key);
        }
        if keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        Ok(Self {
            keys,
            denied: meta.revoked.into_iter().collect(),
            epoch: meta.epoch,
            data_timestamp: meta.data_timestamp,
            document: jwks.to_owned(),
            etag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha256::digest(jwks))),
        })
    }

    /// Generation of the set; 0 where the source has none.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When the set was made, where the source says so.
    #[must_use]
    pub fn data_timestamp(&self) -> Option<DateTime<Utc>> {
        self.data_timestamp
    }

    /// The document as it was read: what `/.well-known/jwks.json` answers.
    #[must_use]
    pub fn document(&self) -> &str {
        &self.document
    }

    /// The document's entity tag (RFC 9110 §8.8.3), with its quotes.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Kids of the keys, sorted.
    #[must_use]
    pub fn kids(&self) -> Vec<&str> {
        let mut kids: Vec<_> = self.keys.keys().map(String::as_str).collect();
        kids.sort_unstable();
        kids
    }

    /// Whether `kid` is on the deny list.
    #[must_use]
    pub fn is_denied(&self, kid: &str) -> bool {
        self.denied.contains(kid)
    }

    pub(crate) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.keys.get(kid)
    }
}

impl PublicJwk {
    fn admit(self) -> Result<(String, DecodingKey), KeySetError> {
        let kid = self.kid.unwrap_or_else(|| "?".to_owned());
        let refused = |reason| KeySetError::Key {
            kid: kid.clone(),
            reason,
        };
        if self.kty != "RSA" {
            return Err(refused("kty is not RSA"));
        }
        if self.d.is_some() || self.p.is_some() || self.q.is_some() {
            return Err(refused("it carries private members"));
        }
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(refused("use is not sig"));
        }
        if self.alg.as_deref().is_some_and(|alg| alg != "RS256") {
            return Err(refused("alg is not RS256"));
        }
        if self.n.len() < SHORTEST_MODULUS {
            return Err(refused("shorter than 2048 bits"));
        }
        if !is_kid(&kid) {
            return Err(refused("kid is not an RFC 7638 thumbprint"));
        }
        let key = DecodingKey::from_rsa_components(&self.n, &self.e)
            .map_err(|_| refused("n or e is not base64url"))?;
        Ok((kid, key))
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KeySet")
            .field("epoch", &self.epoch)
            .field("kids", &self.kids())
            .finish_non_exhaustive()
    }
}
