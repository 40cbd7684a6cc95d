//! What the projections still tell of a ring that was lost or replaced by an older one, and the ring rebuilt from it. Keys
//! and times count only of a set that proves itself ours. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use common_auth::keys::thumbprint;
use crds::LONGEST_TOKEN_SECONDS;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Observed,
    ring::{FreshKey, HIGHEST_EPOCH, KeyRing, KeyState, RingKey},
    seal::is_ours,
};

/// Denied kids that are taken over at most: far more than there ever are, and a ring of them can be stored.
const MOST_DENIED: usize = 1_000;

/// What is left of a ring.
#[derive(Debug, Clone)]
pub struct Remains {
    /// Public keys of `P-jwks` that are ours and not denied, by kid.
    verifying: BTreeMap<String, Value>,
    /// Denied kids.
    denied: BTreeSet<String>,
    /// Keys that only an older ring knows; they never come back.
    tombstones: Vec<(String, Value)>,
    /// The highest generation that was seen.
    epoch: u64,
    /// The latest time that was recorded.
    recorded_at: DateTime<Utc>,
}

#[derive(Default, Deserialize)]
struct Jwks {
    #[serde(default)]
    keys: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    epoch: u64,
    data_timestamp: Option<DateTime<Utc>>,
    #[serde(default)]
    revoked: BTreeSet<String>,
}

/// Generation of `meta.json`; 0 when it cannot be read.
pub(super) fn epoch_of(meta: Option<&str>) -> u64 {
    parsed::<Meta>(meta).epoch
}

/// What is there, or nothing when it cannot be read.
fn parsed<T: Default + for<'de> Deserialize<'de>>(text: Option<&str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

impl Remains {
    /// What `P-jwks` tells, together with a ring that is older. Of a set that is not ours the denials count all the same,
    /// since they let nobody in, and so does its generation, since what pods have heard of it must not pass for a later one.
    pub(super) fn read(observed: &Observed, older: Option<&KeyRing>) -> Self {
        let ours = is_ours(observed);
        let jwks: Jwks = parsed(observed.jwks.as_deref().filter(|_| ours));
        let meta: Meta = parsed(observed.meta.as_deref());
        let denied = meta.revoked.into_iter().filter(|kid| is_kid(kid));
        let mut denied: BTreeSet<String> = denied.take(MOST_DENIED).collect();
        let mut epoch = meta.epoch.min(HIGHEST_EPOCH);
        let mut recorded_at = meta.data_timestamp.filter(|_| ours);
        if let Some(ring) = older {
            denied.extend(ring.in_state(KeyState::Revoked).map(|key| key.kid.clone()));
            epoch = epoch.max(ring.epoch);
            recorded_at = recorded_at.max(Some(ring.latest()));
        }
        let verifying: BTreeMap<String, Value> = jwks
            .keys
            .into_iter()
            .filter_map(|jwk| Some((named_by_its_content(&jwk)?, jwk)))
            .filter(|(kid, _)| !denied.contains(kid))
            .collect();
        let tombstones = older
            .into_iter()
            .flat_map(|ring| &ring.keys)
            .filter(|key| !denied.contains(&key.kid) && !verifying.contains_key(&key.kid))
            .map(|key| (key.kid.clone(), key.public_jwk.clone()))
            .collect();
        Self {
            verifying,
            denied,
            tombstones,
            epoch,
            recorded_at: recorded_at.unwrap_or(DateTime::UNIX_EPOCH),
        }
    }

    /// Whether nothing is left: the Platform is new.
    pub(super) fn is_empty(&self) -> bool {
        self.verifying.is_empty()
            && self.denied.is_empty()
            && self.tombstones.is_empty()
            && self.epoch == 0
    }

    /// The ring in which the key of `P-signing` goes on signing and every other public key only verifies. Gives the
    /// remains back when that key cannot be used: unreadable, or denied.
    pub(super) fn with_signing(
        self,
        signing: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<KeyRing, Self> {
        let Some((kid, public_jwk)) = public_half(signing) else {
            return Err(self);
        };
        if self.denied.contains(&kid) {
            return Err(self);
        }
        let mut ring = self.rebuilt(&kid, now);
        let now = ring.recorded_at;
        ring.keys.push(RingKey {
            private_jwk: Some(signing.clone()),
            activated_at: Some(now),
            ..adopted(kid, public_jwk, KeyState::Active, now)
        });
        Ok(ring)
    }

    /// The ring when no signing key is left: a fresh one signs, and every public key goes on verifying, so that
    /// nobody is signed out before their token ends. How long pods let tokens live is not known: as long as any may.
    #[must_use]
    pub fn with_fresh(self, active: &FreshKey, next: &FreshKey, now: DateTime<Utc>) -> KeyRing {
        let mut ring = self.rebuilt("", now);
        let fresh = KeyRing::born(active, next, LONGEST_TOKEN_SECONDS, ring.recorded_at);
        let epoch = ring.epoch;
        ring.keys.extend(fresh.keys.into_iter().map(|key| RingKey {
            published_epoch: epoch,
            ..key
        }));
        ring
    }

    /// Everything but the key that signs, whose kid is `active`.
    fn rebuilt(self, active: &str, now: DateTime<Utc>) -> KeyRing {
        let recorded_at = self.recorded_at.max(now);
        let retiring = self
            .verifying
            .into_iter()
            .filter(|(kid, _)| kid != active)
            .map(|(kid, public_jwk)| RingKey {
                demoted_at: Some(recorded_at),
                ..adopted(kid, public_jwk, KeyState::Retiring, recorded_at)
            });
        let denied = self
            .denied
            .into_iter()
            .map(|kid| adopted(kid, Value::Null, KeyState::Revoked, recorded_at));
        let retired = self
            .tombstones
            .into_iter()
            .filter(|(kid, _)| kid != active)
            .map(|(kid, public_jwk)| adopted(kid, public_jwk, KeyState::Retired, recorded_at));
        KeyRing {
            epoch: self.epoch.saturating_add(1),
            recorded_at,
            rotation: 0,
            keys: denied.chain(retired).chain(retiring).collect(),
        }
    }
}

/// A key of which the projections alone tell. How long its tokens live is not known: as long as any may.
fn adopted(kid: String, public_jwk: Value, state: KeyState, now: DateTime<Utc>) -> RingKey {
    let gone = matches!(state, KeyState::Retired | KeyState::Revoked);
    RingKey {
        published_at: Some(now),
        removed_at: gone.then_some(now),
        token_seconds: LONGEST_TOKEN_SECONDS,
        reason: Some("adopted after the ring was lost".to_owned()),
        ..RingKey::known(kid, public_jwk, state, now)
    }
}

/// Whether a word has the form of a thumbprint.
fn is_kid(word: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
    word.len() == 43 && word.bytes().all(fits)
}

/// The name of a public RSA key, if it is the thumbprint of its content and there is nothing private in it. One damaged
/// member would make every verifier refuse the whole set.
fn named_by_its_content(jwk: &Value) -> Option<String> {
    let text = |name: &str| jwk.get(name)?.as_str();
    let kid = text("kid")?;
    let known = ["kty", "n", "e", "use", "alg", "kid"];
    let whole = text("kty")? == "RSA" && thumbprint(text("n")?, text("e")?) == kid;
    let only = jwk
        .as_object()?
        .keys()
        .all(|name| known.contains(&name.as_str()));
    (whole && only).then(|| kid.to_owned())
}

/// Name and public half of a private JWK; `None` when it is damaged: its name is not its thumbprint (RFC 7638), or it
/// has no private half and could sign nothing.
fn public_half(private: &SecretString) -> Option<(String, Value)> {
    let members: BTreeMap<String, Value> = serde_json::from_str(private.expose_secret()).ok()?;
    let text = |name: &str| members.get(name)?.as_str();
    let kid = text("kid")?;
    if thumbprint(text("n")?, text("e")?) != kid || text("d").is_none_or(str::is_empty) {
        return None;
    }
    let public: serde_json::Map<String, Value> = ["kty", "n", "e", "use", "alg", "kid"]
        .into_iter()
        .map(|name| Some((name.to_owned(), members.get(name)?.clone())))
        .collect::<Option<_>>()?;
    Some((kid.to_owned(), Value::Object(public)))
}
