//! The invariants K1, K3, K4, K6 and K9: each step by itself. Their sequences are in `world.rs`.

mod calendar;
mod world;

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use common_auth::KeySet;
use common_auth::keys::SigningKey;
use common_clock::SeededIds;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::*;
use crate::keys::{FreshKey, KeyState, RingError, jwks_json, meta_json, signing_jwk};

/// Seconds that a token lives.
const TOKEN: u64 = 600;

/// Generating a key takes longer than everything else here: ten serve all tests.
static KEYS: LazyLock<Vec<FreshKey>> = LazyLock::new(|| {
    (1..=10)
        .map(|seed| SigningKey::generate(2048, &SeededIds::new(seed)).expect("a key"))
        .map(|key| FreshKey::from(&key))
        .collect()
});

fn fresh(number: usize) -> FreshKey {
    KEYS[number - 1].clone()
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
    Observed {
        ring: Some(ring.clone()),
        jwks: Some(jwks_json(ring)),
        meta: Some(meta_json(ring)),
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
fn a_lost_ring_goes_on_with_the_key_that_signs() {
    let before = born();
    let lost = Observed {
        ring: None,
        ..observed(&before)
    };
    let Step::Adopt(after) = step(&lost, start() + TimeDelta::days(3)) else {
        panic!("the projections are there");
    };
    assert_sound(&after);
    let (was, is) = (
        before.active().expect("active"),
        after.active().expect("active"),
    );
    assert_eq!(was.kid, is.kid);
    assert!(
        after.epoch > before.epoch,
        "old acknowledgements never count"
    );
    assert_eq!(
        after.in_state(KeyState::Retiring).count(),
        1,
        "the former next key only verifies"
    );
    assert!(matches!(step(&observed(&after), start()), Step::Make));
}

#[test]
fn a_denied_kid_stays_denied_after_a_loss() {
    let before = born();
    let next = before.next().expect("published").kid.clone();
    let meta = serde_json::json!({"epoch": 9, "revoked": [next]}).to_string();
    let lost = Observed {
        ring: None,
        meta: Some(meta),
        ..observed(&before)
    };
    let Step::Adopt(after) = step(&lost, start()) else {
        panic!("the projections are there");
    };
    assert_eq!(after.epoch, 10);
    let set = KeySet::parse(&jwks_json(&after), Some(&meta_json(&after))).expect("a set");
    assert!(set.is_denied(&next) && !set.kids().contains(&next.as_str()));
}

#[test]
fn a_denied_key_never_signs_again() {
    let before = born();
    let active = before.active().expect("active").kid.clone();
    let meta = serde_json::json!({"epoch": 9, "revoked": [active]}).to_string();
    let lost = Observed {
        ring: None,
        meta: Some(meta),
        ..observed(&before)
    };
    let Step::Renew(remains) = step(&lost, start()) else {
        panic!("the key in P-signing is denied")
    };
    let after = remains.with_fresh(&fresh(3), &fresh(4), TOKEN, start());
    assert_sound(&after);
    assert_eq!(after.active().expect("active").kid, fresh(3).kid());
    assert_eq!(after.epoch, 10);
}

#[test]
fn without_the_signing_key_the_public_keys_go_on_verifying() {
    let before = born();
    let lost = Observed {
        ring: None,
        signing: None,
        ..observed(&before)
    };
    let Step::Renew(remains) = step(&lost, start() - TimeDelta::days(1)) else {
        panic!("keys remain")
    };
    let after = remains.with_fresh(&fresh(3), &fresh(4), TOKEN, start() - TimeDelta::days(1));
    assert_sound(&after);
    assert!(after.epoch > before.epoch && after.recorded_at >= before.recorded_at);
    let set = KeySet::parse(&jwks_json(&after), None).expect("a set");
    assert!(
        before
            .keys
            .iter()
            .all(|key| set.kids().contains(&key.kid.as_str()))
    );
}

#[test]
fn a_damaged_signing_key_is_not_adopted() {
    let before = born();
    let private = signing_jwk(&before)
        .expect("a private key")
        .expose_secret()
        .to_owned();
    let mut no_private: Value = serde_json::from_str(&private).expect("JSON");
    no_private.as_object_mut().expect("an object").remove("d");
    let mut other_name: Value = serde_json::from_str(&private).expect("JSON");
    other_name["kid"] = fresh(2).kid().into();
    for damaged in [
        no_private.to_string(),
        other_name.to_string(),
        "canary".to_owned(),
    ] {
        let lost = Observed {
            ring: None,
            signing: Some(damaged.into()),
            ..observed(&before)
        };
        assert!(matches!(step(&lost, start()), Step::Renew(_)));
    }
}

#[test]
fn a_restored_older_ring_gives_way_to_what_was_published() {
    let old = born();
    let later = start() + TimeDelta::days(30);
    let mut published = old.clone().with_pending(&fresh(3), later);
    published.keys.retain(|key| key.kid != fresh(2).kid());
    let published = published.with_published(later);
    let restored = Observed {
        ring: Some(old.clone()),
        ..observed(&published)
    };
    let Step::Adopt(after) = step(&restored, start() + TimeDelta::days(31)) else {
        panic!("the ring is older")
    };
    assert_sound(&after);
    assert!(after.epoch > published.epoch);
    let gone = after
        .keys
        .iter()
        .find(|key| key.kid == fresh(2).kid())
        .expect("a tombstone");
    assert_eq!(
        gone.state,
        KeyState::Retired,
        "what verifiers do not know does not come back"
    );
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
