//! The invariants K1, K3, K4, K6 and K9: each step by itself. Their sequences are in `world.rs`.

mod calendar;
mod recovery;
mod world;

use chrono::{DateTime, TimeDelta, Utc};
use common_auth::KeySet;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::*;
use crate::keys::{FreshKey, KeyState, RingError, jwks_json, meta_json, seal_json, signing_jwk};

/// Seconds that a token lives.
const TOKEN: u64 = 600;

/// Generating real keys takes longer than everything else here, and nothing is signed.
fn fresh(number: u64) -> FreshKey {
    FreshKey::of_test(number)
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("in range")
}

fn born() -> KeyRing {
    KeyRing::born(&fresh(1), &fresh(2), TOKEN, start())
}

fn wish() -> Wish {
    Wish::from(&SigningSpec::default())
}

/// The step when nothing is wished beyond the defaults and no pod was asked.
fn step(observed: &Observed, now: DateTime<Utc>) -> Step {
    decide(observed, &wish(), None, now)
}

fn observed(ring: &KeyRing) -> Observed {
    published(ring, meta_json(ring))
}

/// A ring and what it has published, with this `meta.json`.
fn published(ring: &KeyRing, meta: String) -> Observed {
    let jwks = jwks_json(ring);
    Observed {
        ring: Some(ring.clone()),
        seal: Some(seal_json(ring, &jwks, &meta)),
        jwks: Some(jwks),
        meta: Some(meta),
        signing: signing_jwk(ring),
    }
}

/// K1: what signs is in the set. K6: the set is never empty.
fn assert_sound(ring: &KeyRing) {
    let set = KeySet::parse(&jwks_json(ring), Some(&meta_json(ring))).expect("an acceptable set");
    let active = ring.active().expect("one active key");
    assert!(
        set.kids().contains(&active.kid.as_str()),
        "the signing key is published"
    );
    assert!(!set.is_denied(&active.kid), "the signing key is not denied");
    assert_eq!(ring.in_state(KeyState::Active).count(), 1);
    assert_eq!(set.epoch(), ring.epoch);
    KeyRing::parse(ring.to_document().expose_secret()).expect("what is stored can be read");
}

#[test]
fn a_new_platform_is_born_with_an_active_and_a_published_key() {
    assert!(matches!(step(&Observed::default(), start()), Step::Birth));
    let ring = born();
    assert_sound(&ring);
    assert_eq!(
        KeySet::parse(&jwks_json(&ring), None)
            .expect("a set")
            .kids()
            .len(),
        2
    );
    assert!(matches!(step(&observed(&ring), start()), Step::Keep));
}

#[test]
fn the_public_set_holds_no_private_member() {
    let ring = born();
    for member in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\""] {
        assert!(!jwks_json(&ring).contains(member), "{member}");
    }
    assert!(!format!("{ring:?}").contains("\"d\""));
}

#[test]
fn a_ring_that_breaks_a_rule_is_refused_without_its_content() {
    let ring = born();
    let mut two = ring.clone();
    two.keys[1].state = KeyState::Active;
    assert_eq!(
        KeyRing::parse(two.to_document().expose_secret()).err(),
        Some(RingError::Active(2))
    );
    let mut twice = ring.clone();
    twice.keys.push(twice.keys[1].clone());
    assert!(matches!(
        KeyRing::parse(twice.to_document().expose_secret()),
        Err(RingError::Duplicate(_))
    ));
    let broken = ring
        .to_document()
        .expose_secret()
        .replace("\"Active\"", "\"canary\"");
    let error = KeyRing::parse(&broken)
        .expect_err("no such state")
        .to_string();
    assert!(!error.contains("canary"), "{error}");
}
