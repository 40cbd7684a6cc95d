//! Proof that a key set is ours. Whoever may write ConfigMap `P-jwks` can put any key and any generation there, and a ring
//! that was lost is rebuilt from it. So the set is published with a code for each key that signs now or next, made with its
//! private half: that is in Secrets alone, and one of the two is in `P-signing`, whenever the operator was stopped. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::{Observed, ring::KeyRing};
use crate::hex::hex;

/// Keeps the codes apart from whatever else is ever made with a private key.
const PURPOSE: &str = "crewdeck key set, 1";

/// `seal.json`: the codes of this set by kid.
#[must_use]
pub fn seal_json(ring: &KeyRing, jwks: &str, meta: &str) -> String {
    let public = ring.keys.iter().filter(|key| key.state.is_public());
    let codes: BTreeMap<String, String> = public
        .filter_map(|key| {
            let (kid, context) = begun(key.private_jwk.as_ref()?, jwks, meta)?;
            Some((kid, hex(context.sign().as_ref())))
        })
        .collect();
    json!(codes).to_string()
}

/// Whether the set that was read is sealed with this private key.
pub(super) fn is_proved_by(private: &SecretString, observed: &Observed) -> bool {
    let (Some(jwks), Some(meta), Some(seal)) = (&observed.jwks, &observed.meta, &observed.seal)
    else {
        return false;
    };
    let codes: Value = serde_json::from_str(seal).unwrap_or_default();
    begun(private, jwks, meta).is_some_and(|(kid, context)| {
        let code = hex(context.sign().as_ref());
        let told = codes[&kid].as_str().unwrap_or_default();
        verify_slices_are_equal(code.as_bytes(), told.as_bytes()).is_ok()
    })
}

/// Whether any private key that the Secrets hold proves the set that was read.
pub(super) fn is_ours(observed: &Observed) -> bool {
    let ring = observed.ring.iter().flat_map(|ring| &ring.keys);
    let mut private = ring
        .filter_map(|key| key.private_jwk.as_ref())
        .chain(&observed.signing);
    private.any(|private| is_proved_by(private, observed))
}

/// The name of a private key, and its code over a set before it is closed; `None` when it is damaged.
fn begun(private: &SecretString, jwks: &str, meta: &str) -> Option<(String, hmac::Context)> {
    let jwk: Value = serde_json::from_str(private.expose_secret()).ok()?;
    let exponent = jwk["d"].as_str().filter(|text| !text.is_empty())?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, exponent.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    // With its length before it, no text can lend its end to the next one.
    for part in [PURPOSE, jwks, meta] {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    Some((jwk["kid"].as_str()?.to_owned(), context))
}
