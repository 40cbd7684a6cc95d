//! What to do with the ring next: `(what is there, what is wished, what the pods say, now) → step`. Pure.

mod calendar;
mod taking;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use crds::SigningSpec;
use secrecy::SecretString;

pub use self::calendar::{Outlook, Wait, asks_pods, look_again, outlook};
use self::calendar::{activation, removal};
use super::{
    Acks, Timings,
    remains::{Remains, epoch_of},
    ring::{KeyRing, KeyState, RingKey},
    seal::{is_ours, is_proved_by},
    timings::TOMBSTONE,
};

/// What was read from the cluster.
#[derive(Default)]
pub struct Observed {
    /// The stored ring, if there is one and it can be used.
    pub ring: Option<KeyRing>,
    /// `jwks.json` of `P-jwks`.
    pub jwks: Option<String>,
    /// `meta.json` of `P-jwks`.
    pub meta: Option<String>,
    /// `seal.json` of `P-jwks`.
    pub seal: Option<String>,
    /// `signing.jwk` of `P-signing`.
    pub signing: Option<SecretString>,
}

/// What `spec.signing` asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How long each state lasts.
    pub timings: Timings,
    /// Raised to rotate before the date.
    pub rotation: u64,
    /// Keys to deny.
    pub revoke: Vec<Revocation>,
    /// Whether nothing is to be done but to deny keys.
    pub paused: bool,
}

impl From<&SigningSpec> for Wish {
    fn from(spec: &SigningSpec) -> Self {
        let revoke = spec.revoke.iter().map(|key| Revocation {
            kid: key.kid.clone(),
            reason: key.reason.clone(),
        });
        Self {
            timings: Timings::from(spec),
            rotation: spec.rotation.unsigned_abs(),
            revoke: revoke.collect(),
            paused: false,
        }
    }
}

/// A key to deny, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its name.
    pub kid: String,
    /// Why, in words.
    pub reason: String,
}

/// The next change of the ring. At most one for each look.
#[derive(Debug)]
pub enum Step {
    /// Nothing of this Platform exists: make the first two keys.
    Birth,
    /// The ring is lost, unusable or older than what was published: this one, rebuilt from that, takes its place.
    Adopt(Box<KeyRing>),
    /// As before, and there is no key that may go on signing: make two and join them with what remains.
    Renew(Remains),
    /// The next key is missing in the key set: its wait begins anew, since a cache that was filled meanwhile lacks it.
    PublishAgain,
    /// Tokens are to live longer: record that before the first one does.
    Lengthen,
    /// Deny this key.
    Revoke(Revocation),
    /// No next key: make one.
    Make,
    /// Publish the key that was made.
    Publish,
    /// Pods use this generation of the key set, which the ring has not come to: all three objects were restored from a
    /// backup. Go on above it, or what they have would pass for what is published later.
    Overtake(u64),
    /// Nobody signs with this retiring key any more.
    Quiet(String),
    /// No token of this key can be valid any more: take it out of the key set.
    Retire(String),
    /// Let the published key sign.
    Activate,
    /// This tombstone is old enough.
    Forget(String),
    /// The ring is as it should be.
    Keep,
}

/// The step for what was observed; without `acks` the pods were not asked, and nothing that needs their word is done.
#[must_use]
pub fn decide(observed: &Observed, wish: &Wish, acks: Option<&Acks>, now: DateTime<Utc>) -> Step {
    match &observed.ring {
        Some(ring) if !is_restored(ring, observed) => of_ring(ring, observed, wish, acks, now),
        older => rebuild(observed, older.as_ref(), now),
    }
}

/// Whether what was published is newer than the ring: that is a restored backup, and gives way. A set that cannot prove
/// where it comes from was edited, and the ring stands: else whoever may write it could give themselves a key.
fn is_restored(ring: &KeyRing, observed: &Observed) -> bool {
    ring.epoch < epoch_of(observed.meta.as_deref()) && is_ours(observed)
}

/// The step without a ring that holds. The key in `P-signing` goes on signing where the set proves by it that both are of
/// one time; else it may be one that was taken out of the set, or denied, since. Without a set nothing speaks against it.
fn rebuild(observed: &Observed, older: Option<&KeyRing>, now: DateTime<Utc>) -> Step {
    let remains = Remains::read(observed, older);
    let signing = observed
        .signing
        .as_ref()
        .filter(|key| observed.jwks.is_none() || is_proved_by(key, observed));
    let rebuilt = match signing {
        Some(signing) => remains.with_signing(signing, now),
        None => Err(remains),
    };
    match rebuilt {
        Ok(ring) => Step::Adopt(Box::new(ring)),
        Err(remains) if remains.is_empty() => Step::Birth,
        Err(remains) => Step::Renew(remains),
    }
}

/// The step of a ring that holds. What is urgent comes first.
fn of_ring(
    ring: &KeyRing,
    observed: &Observed,
    wish: &Wish,
    acks: Option<&Acks>,
    now: DateTime<Utc>,
) -> Step {
    let now = now.max(ring.latest());
    missing(ring, observed)
        .or_else(|| lengthening(ring, wish))
        .or_else(|| revocation(ring, wish))
        .or_else(|| supply(ring))
        .or_else(|| overtaking(ring, acks))
        .or_else(|| removal(ring, observed, wish, acks, now))
        .or_else(|| activation(ring, wish, acks, now))
        .or_else(|| forgetting(ring, now))
        .unwrap_or(Step::Keep)
}

fn lengthening(ring: &KeyRing, wish: &Wish) -> Option<Step> {
    let wished = wish.timings.token_seconds();
    let short = |key: &RingKey| key.may_sign() && key.token_seconds < wished;
    ring.keys.iter().any(short).then_some(Step::Lengthen)
}

/// The next key to deny. Those that do not sign come first: the one that does waits for a published one to take its place,
/// which must not be one of them, and is made at once if there is none.
fn revocation(ring: &KeyRing, wish: &Wish) -> Option<Step> {
    let mut open: Vec<&Revocation> = wish
        .revoke
        .iter()
        .filter(|revocation| {
            ring.key(&revocation.kid)
                .is_none_or(|key| key.state != KeyState::Revoked)
        })
        .collect();
    let signs = |kid: &str| ring.active().is_some_and(|key| key.kid == kid);
    open.sort_by_key(|revocation| signs(&revocation.kid));
    let first = *open.first()?;
    match (signs(&first.kid), ring.next(), ring.pending()) {
        (true, None, None) => Some(Step::Make),
        (true, None, Some(_)) => Some(Step::Publish),
        _ => Some(Step::Revoke(first.clone())),
    }
}

/// Whether a key is to be denied and is not yet: what is done for that waits for no clock.
#[must_use]
pub fn is_urgent(ring: &KeyRing, wish: &Wish) -> bool {
    revocation(ring, wish).is_some()
}

/// Comes before everything that writes the set, and with it puts the key back.
fn missing(ring: &KeyRing, observed: &Observed) -> Option<Step> {
    (!is_published(&ring.next()?.kid, observed)).then_some(Step::PublishAgain)
}

/// There is always a next key.
fn supply(ring: &KeyRing) -> Option<Step> {
    match (ring.next(), ring.pending()) {
        (None, None) => Some(Step::Make),
        (None, Some(_)) => Some(Step::Publish),
        (Some(_), _) => None,
    }
}

fn overtaking(ring: &KeyRing, acks: Option<&Acks>) -> Option<Step> {
    acks?.ahead(ring.epoch).map(Step::Overtake)
}

/// Whether the key is in the key set, as it was read.
pub(super) fn is_published(kid: &str, observed: &Observed) -> bool {
    observed.jwks.as_deref().is_some_and(|text| {
        let set: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        let keys = set["keys"].as_array();
        keys.is_some_and(|keys| keys.iter().any(|key| key["kid"] == kid))
    })
}

fn forgetting(ring: &KeyRing, now: DateTime<Utc>) -> Option<Step> {
    let is_old = |at: DateTime<Utc>| now - at >= TOMBSTONE;
    let old = ring.keys.iter().find(|key| {
        matches!(key.state, KeyState::Retired | KeyState::Revoked)
            && key.removed_at.is_some_and(is_old)
    })?;
    Some(Step::Forget(old.kid.clone()))
}
