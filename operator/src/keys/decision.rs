//! What to do with the ring next: `(what is there) → step`. Pure.

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{
    remains::{Remains, epoch_of},
    ring::KeyRing,
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
    /// `signing.jwk` of `P-signing`.
    pub signing: Option<SecretString>,
}

/// The next change of the ring. At most one for each look.
#[derive(Debug)]
pub enum Step {
    /// Nothing of this Platform exists: make the first two keys.
    Birth,
    /// The ring is lost, unusable or older than its projections: this one, rebuilt from them, takes its place.
    Adopt(Box<KeyRing>),
    /// As before, and the key that signed is gone too: make two keys and join them with what remains.
    Renew(Remains),
    /// No next key: make one and publish it.
    PublishNext,
    /// The ring is as it should be.
    Keep,
}

/// The step for what was observed.
#[must_use]
pub fn decide(observed: &Observed, now: DateTime<Utc>) -> Step {
    let (jwks, meta) = (observed.jwks.as_deref(), observed.meta.as_deref());
    // A ring older than what was published is a restored backup; the higher generation wins.
    let restored = observed
        .ring
        .as_ref()
        .filter(|ring| ring.epoch < epoch_of(meta));
    match &observed.ring {
        Some(ring) if restored.is_none() => {
            if ring.next().is_none() {
                Step::PublishNext
            } else {
                Step::Keep
            }
        }
        _ => {
            let remains = Remains::read(jwks, meta, restored);
            let rebuilt = match &observed.signing {
                Some(signing) => remains.with_signing(signing, now),
                None => Err(remains),
            };
            match rebuilt {
                Ok(ring) => Step::Adopt(Box::new(ring)),
                Err(remains) if remains.is_empty() => Step::Birth,
                Err(remains) => Step::Renew(remains),
            }
        }
    }
}

#[cfg(test)]
mod tests;
