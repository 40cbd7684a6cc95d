//! What to do with the ring next: `(what is there) → step`. Pure.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::ring::KeyRing;

/// What was read from the cluster.
#[derive(Default)]
pub struct Observed {
    /// The stored ring, if there is one and it can be used.
    pub ring: Option<KeyRing>,
    /// `jwks.json` of `P-jwks`.
    pub jwks: Option<String>,
    /// `meta.json` of `P-jwks`.
    pub meta: Option<String>,
    /// `signing.jwk` of `P-signing`.
    pub signing: Option<SecretString>,
}

/// The next change of the ring. At most one for each look.
#[derive(Debug)]
pub enum Step {
    /// Nothing of this Platform exists: make the first two keys.
    Birth,
    /// The ring is lost or unusable but its projections are there: rebuild it from them.
    Adopt(Box<KeyRing>),
    /// No next key: make one and publish it.
    PublishNext,
    /// The ring is as it should be.
    Keep,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    revoked: Vec<String>,
}

/// The step for what was observed.
#[must_use]
pub fn decide(observed: &Observed, now: chrono::DateTime<chrono::Utc>) -> Step {
    match &observed.ring {
        None => adopt(observed, now).map_or(Step::Birth, |ring| Step::Adopt(Box::new(ring))),
        Some(ring) if ring.next().is_none() => Step::PublishNext,
        Some(_) => Step::Keep,
    }
}

/// The ring behind the projections; `None` when the signing key is gone too, since then no token can
/// be continued and the ring is born anew.
fn adopt(observed: &Observed, now: chrono::DateTime<chrono::Utc>) -> Option<KeyRing> {
    let private = observed.signing.clone()?;
    let members: BTreeMap<String, Value> = serde_json::from_str(private.expose_secret()).ok()?;
    let kid = members.get("kid")?.as_str()?.to_owned();
    let public: serde_json::Map<String, Value> = ["kty", "n", "e", "use", "alg", "kid"]
        .into_iter()
        .map(|name| Some((name.to_owned(), members.get(name)?.clone())))
        .collect::<Option<_>>()?;
    let parsed = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str::<Jwks>(text).ok())
    };
    let verifying = parsed(&observed.jwks)
        .map(|set| set.keys)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|jwk| Some((jwk.get("kid")?.as_str()?.to_owned(), jwk)))
        .collect();
    let meta: Meta = observed
        .meta
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let signing = (private, Value::Object(public), kid);
    Some(KeyRing::adopted(
        signing,
        verifying,
        meta.revoked,
        meta.epoch,
        now,
    ))
}

#[cfg(test)]
mod tests;
