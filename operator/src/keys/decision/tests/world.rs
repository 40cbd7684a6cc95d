//! A small world: a ring and its projections, pods that read them late, tokens that live, an operator that is killed
//! between any two writes. Whatever happens in it, the invariants hold.

use proptest::prelude::*;

use super::*;
use crate::keys::{Acks, PodKeys};

/// What may happen.
#[derive(Debug, Clone)]
enum Happening {
    /// Seconds go by.
    Wait(i64),
    /// A pod gets the files as they are.
    Sync(usize),
    /// A pod signs a token.
    Sign(usize),
    /// The operator makes a pass and is killed after this many writes.
    Pass(usize),
    /// The ring is lost.
    Lose,
    /// The ring is put back to how it was at first.
    Restore,
    /// The key that signs now is to be denied.
    Revoke,
    /// Tokens are to live this long.
    Live(i64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (1i64..4_000).prop_map(Happening::Wait),
        1 => (86_400i64..3_000_000).prop_map(Happening::Wait),
        4 => (0usize..PODS).prop_map(Happening::Sync),
        4 => (0usize..PODS).prop_map(Happening::Sign),
        6 => (0usize..12).prop_map(Happening::Pass),
        1 => Just(Happening::Lose),
        1 => Just(Happening::Restore),
        1 => Just(Happening::Revoke),
        1 => (5i64..900).prop_map(Happening::Live),
    ]
}

const PODS: usize = 3;

#[derive(Default, Clone)]
struct Files {
    jwks: String,
    meta: String,
    signing: Option<SecretString>,
}

struct Token {
    kid: String,
    ends: DateTime<Utc>,
}

struct World {
    now: DateTime<Utc>,
    ring: Option<KeyRing>,
    backup: KeyRing,
    files: Files,
    pods: Vec<Files>,
    tokens: Vec<Token>,
    wish: Wish,
    unused: std::slice::Iter<'static, FreshKey>,
}

fn kid_of(signing: Option<&SecretString>) -> Option<String> {
    let jwk: Value = serde_json::from_str(signing?.expose_secret()).ok()?;
    jwk["kid"].as_str().map(str::to_owned)
}

impl World {
    fn new() -> Self {
        let mut unused = KEYS.iter();
        let mut take = || unused.next().expect("two keys");
        let ring = KeyRing::born(take(), take(), TOKEN, start());
        let files = Files {
            jwks: jwks_json(&ring),
            meta: meta_json(&ring),
            signing: signing_jwk(&ring),
        };
        Self {
            now: start(),
            backup: ring.clone(),
            ring: Some(ring),
            pods: vec![files.clone(); PODS],
            files,
            tokens: Vec::new(),
            wish: wish(),
            unused,
        }
    }

    fn acks(&self) -> Acks {
        let keys = |(number, files): (usize, &Files)| PodKeys {
            name: number.to_string(),
            ready: true,
            signs: true,
            epoch: Some(epoch_of(Some(&files.meta))),
            kid: kid_of(files.signing.as_ref()),
        };
        Acks(self.pods.iter().enumerate().map(keys).collect())
    }

    fn happens(&mut self, what: &Happening) {
        match what {
            Happening::Wait(seconds) => self.now += TimeDelta::seconds(*seconds),
            Happening::Sync(pod) => self.pods[*pod] = self.files.clone(),
            Happening::Sign(pod) => self.sign(*pod),
            Happening::Pass(writes) => self.pass(*writes),
            Happening::Lose => self.ring = None,
            Happening::Restore => self.ring = Some(self.backup.clone()),
            Happening::Revoke => {
                let kid = self
                    .ring
                    .as_ref()
                    .and_then(|ring| Some(ring.active()?.kid.clone()));
                self.wish.revoke.extend(kid.map(|kid| Revocation {
                    kid,
                    reason: "stolen".to_owned(),
                }));
            }
            Happening::Live(seconds) => self.wish.timings.token = TimeDelta::seconds(*seconds),
        }
    }

    fn sign(&mut self, pod: usize) {
        if let Some(kid) = kid_of(self.pods[pod].signing.as_ref()) {
            // The role is rolled out only after a pass, so its tokens live as the ring has it.
            let known = self.ring.as_ref().and_then(KeyRing::active);
            let life = known
                .map_or(TOKEN, |key| key.token_seconds)
                .min(self.wish.timings.token_seconds().max(TOKEN));
            let life = TimeDelta::seconds(i64::try_from(life).expect("small"));
            self.tokens.push(Token {
                kid,
                ends: self.now + life + self.wish.timings.skew,
            });
        }
    }

    /// A pass that dies after `writes` writes; each change of the ring is one, and so is each projection.
    fn pass(&mut self, mut writes: usize) {
        let acks = self.acks();
        loop {
            let observed = Observed {
                ring: self.ring.clone(),
                jwks: Some(self.files.jwks.clone()),
                meta: Some(self.files.meta.clone()),
                signing: self.files.signing.clone(),
            };
            let step = decide(&observed, &self.wish, Some(&acks), self.now);
            if let Some(ring) = self.taken(&step) {
                if writes == 0 {
                    return;
                }
                writes -= 1;
                self.check(&step, &ring);
                self.ring = Some(ring);
            }
            let Some(ring) = self.ring.clone() else {
                return;
            };
            let active = ring.active().expect("active").kid.clone();
            let set_first = !is_published(&active, &observed);
            for set in [set_first, !set_first] {
                if writes == 0 {
                    return;
                }
                writes -= 1;
                if set {
                    self.files.jwks = jwks_json(&ring);
                    self.files.meta = meta_json(&ring);
                } else {
                    self.files.signing = signing_jwk(&ring);
                }
                self.is_sound();
            }
            if matches!(step, Step::Keep) {
                return;
            }
        }
    }

    fn taken(&mut self, step: &Step) -> Option<KeyRing> {
        let (now, token) = (self.now, self.wish.timings.token_seconds());
        let ring = self.ring.clone();
        Some(match (step, ring) {
            (Step::Adopt(ring), _) => (**ring).clone(),
            (Step::Renew(remains), _) => {
                let (active, next) = (self.unused.next()?, self.unused.next()?);
                remains.clone().with_fresh(active, next, token, now)
            }
            (Step::Lengthen, Some(ring)) => ring.with_longer_tokens(token),
            (Step::Revoke(key), Some(ring)) => ring.with_revoked(&key.kid, &key.reason, token, now),
            (Step::Make, Some(ring)) => ring.with_pending(self.unused.next()?, now),
            (Step::Publish, Some(ring)) => ring.with_published(now),
            (Step::Quiet(kid), Some(ring)) => ring.with_quiet(kid, now),
            (Step::Retire(kid), Some(ring)) => ring.with_retired(kid, now),
            (Step::Activate, Some(ring)) => ring.with_activated(token, 0, now),
            (Step::Forget(kid), Some(ring)) => ring.without(kid, now),
            _ => return None,
        })
    }

    /// A change of the ring keeps the rules of its step.
    fn check(&self, step: &Step, after: &KeyRing) {
        let Some(before) = &self.ring else { return };
        assert!(after.latest() >= before.latest(), "K9: time runs backwards");
        assert!(after.epoch >= before.epoch);
        if let Step::Activate = step {
            let next = before.next().expect("published");
            let waited = self.now.max(before.latest()) - next.published_at.expect("a time");
            assert!(waited >= self.wish.timings.lead, "signs after {waited}");
        }
        let gone = before.keys.iter().filter(|key| {
            let now = after.key(&key.kid).map(|key| key.state);
            key.state.is_public() && !now.is_some_and(KeyState::is_public)
        });
        for key in gone {
            let denied = self
                .wish
                .revoke
                .iter()
                .any(|revoked| revoked.kid == key.kid);
            let valid = |token: &&Token| token.kid == key.kid && token.ends > self.now;
            let valid = self.tokens.iter().filter(valid).count();
            assert!(
                denied || valid == 0,
                "K2: {step:?} ends {valid} tokens early"
            );
        }
    }

    /// What holds after each single write.
    fn is_sound(&self) {
        let set = KeySet::parse(&self.files.jwks, Some(&self.files.meta)).expect("K6: a set");
        let signing = kid_of(self.files.signing.as_ref()).expect("a key");
        let denied = self
            .wish
            .revoke
            .iter()
            .any(|revoked| revoked.kid == signing);
        assert!(
            denied || set.kids().contains(&signing.as_str()),
            "K1: what signs is not published"
        );
        let ring = self.ring.as_ref().expect("a ring");
        assert_eq!(ring.in_state(KeyState::Active).count(), 1);
        for key in ring.in_state(KeyState::Revoked) {
            assert!(key.private_jwk.is_none());
            assert!(
                !jwks_json(ring).contains(&key.kid),
                "K4: a denied key is back"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(events in prop::collection::vec(happening(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.happens(event);
        }
    }
}
