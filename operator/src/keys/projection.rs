//! What is computed from the ring: the key set for all, the private key for the issuer. Pure.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::ring::{KeyRing, KeyState};

/// `jwks.json`: public keys that verify, and nothing else of the ring.
#[must_use]
pub fn jwks_json(ring: &KeyRing) -> String {
    let keys: Vec<&Value> = ring
        .keys
        .iter()
        .filter(|key| key.state.is_public())
        .map(|key| &key.public_jwk)
        .collect();
    json!({ "keys": keys }).to_string()
}

/// `meta.json`: generation, time and denied kids.
#[must_use]
pub fn meta_json(ring: &KeyRing) -> String {
    let revoked: Vec<&str> = ring
        .in_state(KeyState::Revoked)
        .map(|key| key.kid.as_str())
        .collect();
    json!({
        "epoch": ring.epoch,
        "dataTimestamp": ring.recorded_at,
        "revoked": revoked,
    })
    .to_string()
}

/// `signing.jwk`: the private JWK of the active key. `None` when its private half is gone.
#[must_use]
pub fn signing_jwk(ring: &KeyRing) -> Option<SecretString> {
    ring.active()?.private_jwk.clone()
}
