//! What becomes of the keys when some of the three objects are lost, damaged, edited or of another time.

use super::*;

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
        ..published(&before, meta)
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
        ..published(&before, meta)
    };
    let Step::Renew(remains) = step(&lost, start()) else {
        panic!("the key in P-signing is denied")
    };
    let after = remains.with_fresh(&fresh(3), &fresh(4), start());
    assert_sound(&after);
    assert_eq!(after.active().expect("active").kid, fresh(3).kid());
    assert_eq!(after.epoch, 10);
}

/// The ring after a whole rotation at this day, but for the retirement.
fn turned(ring: &KeyRing, next: u64, day: i64) -> KeyRing {
    let now = start() + TimeDelta::days(day);
    ring.clone()
        .with_activated(TOKEN, 0, now)
        .with_pending(&fresh(next), now)
        .with_published(now)
}

/// The set with a key of somebody else, of a later generation.
fn edited(seen: &Observed) -> Observed {
    let stranger = KeyRing::born(&fresh(99), &fresh(98), TOKEN, start());
    let set: Value = serde_json::from_str(&jwks_json(&stranger)).expect("JSON");
    let mut jwks: Value = serde_json::from_str(seen.jwks.as_deref().expect("a set")).expect("JSON");
    let keys = jwks["keys"].as_array_mut().expect("keys");
    keys.push(set["keys"][0].clone());
    let jwks = jwks.to_string();
    let meta = serde_json::json!({"epoch": 400, "dataTimestamp": "2999-01-01T00:00:00Z"});
    let meta = meta.to_string();
    Observed {
        ring: seen.ring.clone(),
        signing: seen.signing.clone(),
        // Sealed as well as a stranger can.
        seal: Some(seal_json(&stranger, &jwks, &meta)),
        jwks: Some(jwks),
        meta: Some(meta),
    }
}

fn without_seal(seen: Observed) -> Observed {
    Observed { seal: None, ..seen }
}

#[test]
fn whoever_may_write_the_key_set_gives_themselves_no_key() {
    let ring = born();
    let former_seal = observed(&ring).seal;
    let mut copied = edited(&observed(&ring));
    copied.seal = former_seal;
    for seen in [
        edited(&observed(&ring)),
        without_seal(edited(&observed(&ring))),
        copied,
    ] {
        assert!(
            matches!(step(&seen, start()), Step::Keep),
            "the ring is there"
        );
        let lost = Observed { ring: None, ..seen };
        let Step::Renew(remains) = step(&lost, start()) else {
            panic!("nothing is sure")
        };
        let after = remains.with_fresh(&fresh(3), &fresh(4), start());
        assert_sound(&after);
        let kids: Vec<&str> = after.keys.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(kids, [fresh(3).kid(), fresh(4).kid()]);
        assert_eq!(after.epoch, 401, "what pods have heard is no later set");
        assert_eq!(after.recorded_at, start(), "nobody stops the time");
    }
}

/// What is done with each of the three, present, lost or of another time.
#[test]
fn what_is_lost_is_made_again_from_what_proves_itself() {
    let first = born();
    let now = turned(&turned(&first, 3, 30), 4, 60);
    let fine = observed(&now);
    let older = |at: &KeyRing| Some(at.clone());
    let once = turned(&first, 3, 30);
    let stale = signing_jwk(&first);
    let seen = |ring: Option<KeyRing>, set: &Observed, signing: Option<SecretString>| Observed {
        ring,
        jwks: set.jwks.clone(),
        meta: set.meta.clone(),
        seal: set.seal.clone(),
        signing,
    };
    let no_set = Observed::default();
    let foreign = edited(&fine);
    let signing = || fine.signing.clone();
    let cases = [
        ("all is well", seen(older(&now), &fine, signing()), "stands"),
        (
            "the set is lost",
            seen(older(&now), &no_set, signing()),
            "stands",
        ),
        ("the key is lost", seen(older(&now), &fine, None), "stands"),
        (
            "the set is edited",
            seen(older(&now), &foreign, None),
            "stands",
        ),
        (
            "an older ring",
            seen(older(&first), &fine, signing()),
            "adopted, 3 verify",
        ),
        (
            "and the key is lost",
            seen(older(&once), &fine, None),
            "renewed, 4 verify",
        ),
        (
            "and the key is older",
            seen(older(&once), &fine, stale.clone()),
            "renewed, 4 verify",
        ),
        (
            "and the set is edited",
            seen(older(&first), &foreign, signing()),
            "stands",
        ),
        ("no ring", seen(None, &fine, signing()), "adopted, 3 verify"),
        (
            "and the key is lost",
            seen(None, &fine, None),
            "renewed, 0 verify",
        ),
        (
            "and the key is older",
            seen(None, &fine, stale),
            "renewed, 0 verify",
        ),
        (
            "and the set is edited",
            seen(None, &foreign, signing()),
            "renewed, 0 verify",
        ),
        (
            "and the set is lost",
            seen(None, &no_set, signing()),
            "adopted, 0 verify",
        ),
        ("nothing is left", seen(None, &no_set, None), "born"),
    ];
    for (what, seen, expected) in cases {
        let verify = |ring: &KeyRing| ring.in_state(KeyState::Retiring).count();
        let done = match step(&seen, start() + TimeDelta::days(61)) {
            Step::Birth => "born".to_owned(),
            Step::Adopt(ring) => {
                assert_sound(&ring);
                assert_eq!(
                    ring.active().map(|key| &key.kid),
                    now.active().map(|key| &key.kid)
                );
                format!("adopted, {} verify", verify(&ring))
            }
            Step::Renew(remains) => {
                let ring = remains.with_fresh(&fresh(5), &fresh(6), start());
                assert_sound(&ring);
                assert!(ring.epoch > now.epoch, "{what}");
                format!("renewed, {} verify", verify(&ring))
            }
            _ => "stands".to_owned(),
        };
        assert_eq!(done, expected, "{what}");
    }
}

#[test]
fn a_loss_between_two_writes_ends_no_token() {
    let before = born();
    let after = before
        .clone()
        .with_activated(TOKEN, 0, start() + TimeDelta::days(30));
    // The ring was changed and the key that signs written, the set not yet; then the ring is lost.
    let seen = Observed {
        ring: None,
        signing: signing_jwk(&after),
        ..observed(&before)
    };
    let Step::Adopt(ring) = step(&seen, start() + TimeDelta::days(30)) else {
        panic!("the set has the key")
    };
    assert_eq!(ring.active().expect("active").kid, fresh(2).kid());
    assert_eq!(
        ring.key(fresh(1).kid()).expect("there").state,
        KeyState::Retiring
    );
}

#[test]
fn generations_of_a_ring_that_was_lost_are_no_acknowledgements() {
    // All three objects are of an older time, and the pods of a later one.
    let ring = born();
    let pod = |epoch| crate::keys::PodKeys {
        name: format!("web-{epoch}"),
        ready: true,
        signs: true,
        epoch: Some(epoch),
        kid: Some(fresh(7).kid().to_owned()),
    };
    let due = start() + TimeDelta::days(30);
    let later = Acks(vec![pod(9), pod(7), pod(u64::MAX)]);
    let Step::Overtake(9) = decide(&observed(&ring), &wish(), Some(&later), due) else {
        panic!("they are ahead")
    };
    let ring = ring.with_epoch_above(9, due);
    assert_sound(&ring);
    let next = ring.next().expect("published");
    assert_eq!((ring.epoch, next.published_epoch), (10, 10));
    let decided = |acks: &Acks, now| decide(&observed(&ring), &wish(), Some(acks), now);
    let day = TimeDelta::days(1);
    assert!(
        matches!(decided(&later, due + day), Step::Keep),
        "none has told the new generation"
    );
    let now = Acks(vec![pod(10)]);
    assert!(
        matches!(decided(&now, due + day - TimeDelta::seconds(1)), Step::Keep),
        "it is published anew"
    );
    assert!(matches!(decided(&now, due + day), Step::Activate));
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
