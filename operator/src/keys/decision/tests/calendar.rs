//! What comes with time: one rotation, from the first key to its tombstone, and what holds it back.

use super::*;
use crate::keys::{Acks, PodKeys};

/// A Ready pod of role `web`.
fn web(epoch: u64, kid: &str) -> PodKeys {
    PodKeys {
        name: format!("web-{epoch}"),
        ready: true,
        signs: true,
        epoch: Some(epoch),
        kid: Some(kid.to_owned()),
    }
}

fn at(days: i64, seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::days(days) + TimeDelta::seconds(seconds)
}

fn decided(ring: &KeyRing, acks: &Acks, now: DateTime<Utc>) -> Step {
    decide(&observed(ring), &wish(), Some(acks), now)
}

#[test]
fn one_rotation_from_the_first_key_to_its_tombstone() {
    let ring = born();
    let first = ring.active().expect("active").kid.clone();
    let acks = |ring: &KeyRing, kid: &str| Acks(vec![web(ring.epoch, kid)]);
    let keep = |ring: &KeyRing, kid: &str, now| {
        assert!(matches!(decided(ring, &acks(ring, kid), now), Step::Keep));
    };
    keep(&ring, &first, at(30, -1));
    assert!(matches!(
        decided(&ring, &acks(&ring, &first), at(30, 0)),
        Step::Activate
    ));
    let ring = ring.with_activated(TOKEN, 0, at(30, 0));
    let second = ring.active().expect("active").kid.clone();
    assert_ne!(first, second);
    assert_eq!(ring.keys[0].state, KeyState::Retiring);
    assert!(
        ring.keys[0].private_jwk.is_none(),
        "K7: it exists nowhere any more"
    );
    assert_sound(&ring);

    assert!(matches!(
        decided(&ring, &acks(&ring, &first), at(30, 1)),
        Step::Make
    ));
    let ring = ring.with_pending(&fresh(3), at(30, 1));
    assert!(
        !jwks_json(&ring).contains(fresh(3).kid()),
        "known to nobody"
    );
    assert!(matches!(
        decided(&ring, &acks(&ring, &first), at(30, 2)),
        Step::Publish
    ));
    let ring = ring.with_published(at(30, 2));
    assert_sound(&ring);

    // A pod still signs with the first key: its retention has not begun.
    keep(&ring, &first, at(40, 0));
    let Step::Quiet(kid) = decided(&ring, &acks(&ring, &second), at(40, 0)) else {
        panic!("nobody signs with it")
    };
    assert_eq!(kid, first);
    let epoch = ring.epoch;
    let ring = ring.with_quiet(&first, at(40, 0));
    assert_eq!(ring.epoch, epoch, "the key set is the same");
    keep(&ring, &second, at(40, 3_599));
    let Step::Retire(kid) = decided(&ring, &acks(&ring, &second), at(40, 3_600)) else {
        panic!("every token of it has ended")
    };
    let ring = ring.with_retired(&kid, at(40, 3_600));
    assert!(!jwks_json(&ring).contains(&first));
    assert_sound(&ring);
    keep(&ring, &second, at(41, 0));
    let next = decided(&ring, &acks(&ring, &second), at(440, 3_600));
    assert!(
        matches!(next, Step::Activate),
        "the tombstone is not what comes first"
    );
    let ring = ring.with_activated(TOKEN, 0, at(440, 3_600));
    assert!(ring.key(&first).is_some());
    assert!(ring.without(&first, at(440, 3_600)).key(&first).is_none());
}

#[test]
fn a_pod_that_does_not_know_the_next_key_holds_it_back_but_not_for_ever() {
    let ring = born().with_published(at(1, 0));
    let active = ring.active().expect("active").kid.clone();
    let behind = Acks(vec![web(ring.epoch, &active), web(ring.epoch - 1, &active)]);
    let silent = Acks(vec![PodKeys {
        epoch: None,
        ..web(1, &active)
    }]);
    let starting = Acks(vec![PodKeys {
        ready: false,
        ..web(1, &active)
    }]);
    for acks in [&behind, &silent] {
        assert!(matches!(decided(&ring, acks, at(32, 0)), Step::Keep));
        let ahead = outlook(&ring, &wish(), Some(acks), at(32, 0));
        assert!(matches!(ahead.stuck, Some(Wait::Known(pods)) if pods.len() == 1));
        assert!(matches!(decided(&ring, acks, at(33, 0)), Step::Activate));
    }
    assert!(matches!(
        decided(&ring, &starting, at(30, 0)),
        Step::Activate
    ));
    let unasked = decide(&observed(&ring), &wish(), None, at(400, 0));
    assert!(
        matches!(unasked, Step::Keep),
        "without their word nothing is done"
    );
    assert!(asks_pods(&ring, &wish(), at(30, 0)));
}

#[test]
fn a_key_that_is_missing_in_the_set_waits_anew() {
    let ring = born();
    let next = ring.next().expect("published").kid.clone();
    let mut seen = observed(&ring);
    let without: Value = serde_json::from_str(&jwks_json(&ring)).expect("JSON");
    let only: Vec<&Value> = without["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .filter(|key| key["kid"] != next.as_str())
        .collect();
    seen.jwks = Some(serde_json::json!({"keys": only}).to_string());
    assert!(matches!(
        decide(&seen, &wish(), None, at(30, 0)),
        Step::PublishAgain
    ));
    // Before anything else, since whatever writes the set puts the key back.
    let mut longer = wish();
    longer.timings.token = TimeDelta::seconds(900);
    assert!(matches!(
        decide(&seen, &longer, None, at(30, 0)),
        Step::PublishAgain
    ));
    let ring = ring.with_published(at(30, 0));
    let key = ring.next().expect("published");
    assert_eq!(
        (key.kid.as_str(), key.published_at),
        (next.as_str(), Some(at(30, 0)))
    );
    let acks = Acks::default();
    assert!(matches!(decided(&ring, &acks, at(31, -1)), Step::Keep));
    assert!(matches!(decided(&ring, &acks, at(31, 0)), Step::Activate));
}

/// Named after the bug of Vault #11441: a late step shortened the wait after it.
#[test]
fn late_step_never_shortens_a_wait() {
    let ring = born().with_activated(TOKEN, 0, at(90, 0));
    let first = ring.keys[0].kid.clone();
    let ring = ring
        .with_pending(&fresh(3), at(90, 0))
        .with_published(at(90, 0));
    let second = ring.active().expect("active").kid.clone();
    let acks = Acks(vec![web(ring.epoch, &second)]);
    let Step::Quiet(_) = decided(&ring, &acks, at(180, 0)) else {
        panic!("seen late")
    };
    let ring = ring.with_quiet(&first, at(180, 0));
    // The date of the next rotation is long past; the former key stays for its time all the same.
    let Step::Activate = decided(&ring, &acks, at(180, 0)) else {
        panic!("three periods late")
    };
    let ring = ring
        .with_activated(TOKEN, 0, at(180, 0))
        .with_pending(&fresh(4), at(180, 0))
        .with_published(at(180, 0));
    let retires = |now| matches!(decided(&ring, &acks, now), Step::Retire(_));
    assert!(!retires(at(180, 3_599)) && retires(at(180, 3_600)));
}

#[test]
fn tokens_that_live_longer_are_recorded_before_and_kept_for() {
    let ring = born();
    let mut longer = wish();
    longer.timings.token = TimeDelta::seconds(900);
    let step = decide(&observed(&ring), &longer, None, at(1, 0));
    assert!(matches!(step, Step::Lengthen));
    let ring = ring.with_longer_tokens(900, at(1, 0));
    assert_eq!(ring.epoch, 2, "a ring from before is an older one");
    assert!(matches!(
        decide(&observed(&ring), &longer, None, at(1, 0)),
        Step::Keep
    ));

    // Shortened again, with the shortest retention that the rules allow: the long tokens are out there.
    let mut shorter = wish();
    shorter.timings.token = TimeDelta::seconds(5);
    shorter.timings.retention = TimeDelta::seconds(485);
    let ring = ring
        .with_activated(5, 0, at(30, 0))
        .with_pending(&fresh(3), at(30, 0))
        .with_published(at(30, 0));
    let first = ring.keys[0].kid.clone();
    let ring = ring.with_quiet(&first, at(30, 0));
    let at_once = |seconds| decide(&observed(&ring), &shorter, None, at(30, seconds));
    assert!(matches!(at_once(900 + 480 - 1), Step::Keep));
    assert!(matches!(at_once(900 + 480), Step::Retire(_)));
    // Pods that were not replaced yet grant the long ones with the next key, too.
    assert_eq!(ring.active().expect("active").token_seconds, 900);

    // Tokens of a former key become longer while a pod still signs with it.
    let handed_over = born()
        .with_activated(TOKEN, 0, at(30, 0))
        .with_longer_tokens(900, at(30, 1));
    assert_eq!(handed_over.keys[0].token_seconds, 900);
}

/// The rules of the resource ask for no less; who gets past them ends no token all the same.
#[test]
fn a_key_is_published_until_everybody_knows_it_whatever_the_resource_says() {
    let mut wish = wish();
    wish.timings.lead = TimeDelta::seconds(5);
    wish.timings.period = TimeDelta::seconds(30);
    assert_eq!(wish.timings.lead_for(), TimeDelta::seconds(300 + 120 + 60));
    let ring = born();
    let acks = Acks(vec![web(ring.epoch, fresh(1).kid())]);
    let step = |seconds| decide(&observed(&ring), &wish, Some(&acks), at(0, seconds));
    assert!(matches!(step(479), Step::Keep));
    assert!(matches!(step(480), Step::Activate));
    assert_eq!(
        outlook(&ring, &wish, None, start()).rotation,
        Some(at(0, 480))
    );
    wish.timings.lead = TimeDelta::seconds(481);
    assert_eq!(wish.timings.lead_for(), TimeDelta::seconds(481));
}

/// The operator was away for three periods. What it does then is what it would have done once: no date is made up for.
#[test]
fn three_missed_periods_are_one_rotation() {
    let mut ring = born();
    let mut activated = Vec::new();
    let mut made = 2;
    for minutes in 0..40 * 24 * 60 / 10 {
        let now = at(90, minutes * 600);
        // Every pod follows within ten minutes.
        let kid = ring.active().expect("active").kid.clone();
        let acks = Acks(vec![web(ring.epoch, &kid)]);
        loop {
            let step = decided(&ring, &acks, now);
            made += u64::try_from(step.new_keys()).expect("few");
            let Some(next) = step.taken(&wish(), Some(&ring), &[fresh(made)], now) else {
                break;
            };
            if matches!(step, Step::Activate) {
                activated.push(now);
            }
            ring = next;
        }
    }
    assert_eq!(activated, [at(90, 0), at(120, 0)]);
    assert_eq!(made, 4, "a key for each of the two, and no more");
}

#[test]
fn the_key_that_signs_is_revoked_once_another_can_sign() {
    let ring = born();
    let stolen = ring.active().expect("active").kid.clone();
    let mut wish = wish();
    wish.revoke = vec![Revocation {
        kid: stolen.clone(),
        reason: "stolen".to_owned(),
    }];
    let Step::Revoke(revocation) = decide(&observed(&ring), &wish, None, start()) else {
        panic!("it is to be denied")
    };
    let revoked = ring
        .clone()
        .with_revoked(&revocation.kid, &revocation.reason, TOKEN, start());
    assert_sound(&revoked);
    let set = KeySet::parse(&jwks_json(&revoked), Some(&meta_json(&revoked))).expect("a set");
    assert!(set.is_denied(&stolen));
    assert_eq!(revoked.active().expect("active").kid, fresh(2).kid());

    // Both are stolen: the one that would take over goes first, and never signs.
    let mut both = wish.clone();
    both.revoke.push(Revocation {
        kid: fresh(2).kid().to_owned(),
        reason: "stolen".to_owned(),
    });
    let Step::Revoke(first) = decide(&observed(&ring), &both, None, start()) else {
        panic!("two are to be denied")
    };
    assert_eq!(first.kid, fresh(2).kid());
    assert!(is_urgent(&ring, &both));

    // The next one is stolen as well: a third takes over as soon as it is published.
    wish.revoke[0].kid = fresh(2).kid().to_owned();
    let step = |ring: &KeyRing| decide(&observed(ring), &wish, None, start());
    assert!(matches!(step(&revoked), Step::Make));
    let pending = revoked.with_pending(&fresh(3), start());
    assert!(matches!(step(&pending), Step::Publish));
    let published = pending.with_published(start());
    assert!(matches!(step(&published), Step::Revoke(_)));
    let last = published.with_revoked(fresh(2).kid(), "stolen", TOKEN, start());
    assert_sound(&last);
    assert_eq!(last.active().expect("active").kid, fresh(3).kid());
}

/// Who suspects the ring itself names every key: one pass replaces them all.
#[test]
fn every_key_is_replaced_in_one_pass() {
    let mut ring = born();
    let mut wish = wish();
    wish.revoke = ring
        .keys
        .iter()
        .map(|key| Revocation {
            kid: key.kid.clone(),
            reason: "the cluster's store was read".to_owned(),
        })
        .collect();
    let mut made = 2;
    let mut steps = 0;
    loop {
        let step = decide(&observed(&ring), &wish, None, start());
        made += u64::try_from(step.new_keys()).expect("few");
        let Some(next) = step.taken(&wish, Some(&ring), &[fresh(made)], start()) else {
            break;
        };
        assert_sound(&next);
        ring = next;
        steps += 1;
    }
    assert!(steps <= 8, "{steps} steps are more than a pass has");
    let states: Vec<KeyState> = ring.keys.iter().map(|key| key.state).collect();
    let (gone, signs, next) = (KeyState::Revoked, KeyState::Active, KeyState::Published);
    assert_eq!(states, [gone, gone, signs, next]);
}

#[test]
fn a_wish_to_rotate_is_obeyed_once_and_not_before_the_lead() {
    let ring = born();
    let mut wish = wish();
    wish.rotation = 3;
    let acks = Acks::default();
    let step = |ring: &KeyRing, now| decide(&observed(ring), &wish, Some(&acks), now);
    assert!(matches!(step(&ring, at(1, -1)), Step::Keep));
    assert!(matches!(step(&ring, at(1, 0)), Step::Activate));
    let ring = ring
        .with_activated(TOKEN, wish.rotation, at(1, 0))
        .with_pending(&fresh(3), at(1, 0))
        .with_published(at(1, 0));
    assert!(!matches!(step(&ring, at(3, 0)), Step::Activate));
    assert_eq!(
        outlook(&ring, &wish, None, at(3, 0)).rotation,
        Some(at(31, 0))
    );
}
