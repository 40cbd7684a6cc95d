//! A small world: a ring and its projections, pods that read them late, fall silent or are replaced, tokens that live, people
//! who edit what is published, clocks that differ, an operator that is killed between any two writes. Whatever happens in
//! it, the invariants hold.

mod happening;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use common_clock::{Clock as _, ManualClock};
use proptest::prelude::*;
use serde_json::json;

use self::{
    happening::{Happening, happening, timings},
    rules::Rules,
};
use super::*;
use crate::{
    keys::{Acks, PodKeys, Timings},
    server_clock::ServerClock,
};

const PODS: usize = 4;
/// Steps of a pass, as the operator does them.
const STEPS: usize = 8;
/// Keys from this number on are a stranger's.
const STRANGERS: u64 = 1 << 40;

/// What is in the cluster beside the ring.
#[derive(Default, Clone)]
struct Files {
    jwks: Option<String>,
    meta: Option<String>,
    seal: Option<String>,
    signing: Option<SecretString>,
}

impl Files {
    fn of(ring: &KeyRing) -> Self {
        let (jwks, meta) = (jwks_json(ring), meta_json(ring));
        Self {
            seal: Some(seal_json(ring, &jwks, &meta)),
            jwks: Some(jwks),
            meta: Some(meta),
            signing: signing_jwk(ring),
        }
    }

    fn set(&self) -> Option<KeySet> {
        KeySet::parse(self.jwks.as_deref()?, self.meta.as_deref()).ok()
    }
}

/// A process that signs and verifies, with the last files that it could use.
#[derive(Clone)]
struct Pod {
    files: Files,
    ready: bool,
    answers: bool,
    /// Seconds that its tokens live.
    life: u64,
}

struct World {
    /// The API server's time, which is everybody's but the operator's.
    now: DateTime<Utc>,
    /// The operator's own clock is ahead by so much.
    off: TimeDelta,
    ring: Option<KeyRing>,
    backup: KeyRing,
    files: Files,
    pods: Vec<Pod>,
    wish: Wish,
    made: u64,
    rules: Rules,
}

fn kid_of(signing: Option<&SecretString>) -> Option<String> {
    let jwk: Value = serde_json::from_str(signing?.expose_secret()).ok()?;
    Some(jwk["kid"].as_str()?.to_owned())
}

impl World {
    fn new(timings: Timings) -> Self {
        let life = timings.token_seconds();
        let ring = KeyRing::born(&fresh(1), &fresh(2), life, start());
        let files = Files::of(&ring);
        let pod = Pod {
            files: files.clone(),
            ready: true,
            answers: true,
            life,
        };
        Self {
            now: start(),
            off: TimeDelta::zero(),
            backup: ring.clone(),
            rules: Rules::new(&ring),
            ring: Some(ring),
            pods: vec![pod; PODS],
            files,
            wish: Wish { timings, ..wish() },
            made: 2,
        }
    }

    fn acks(&self) -> Acks {
        let keys = |(number, pod): (usize, &Pod)| PodKeys {
            name: number.to_string(),
            ready: pod.ready,
            signs: true,
            epoch: pod.answers.then(|| epoch_of(pod.files.meta.as_deref())),
            kid: kid_of(pod.files.signing.as_ref()).filter(|_| pod.answers),
        };
        Acks(self.pods.iter().enumerate().map(keys).collect())
    }

    fn happens(&mut self, what: &Happening) {
        match what {
            Happening::Wait(seconds) => self.wait(*seconds),
            Happening::Due(seconds) => self.wait_for_a_date(*seconds),
            Happening::Back(seconds) => self.back(TimeDelta::seconds(*seconds)),
            Happening::Off(seconds) => self.off = TimeDelta::seconds(*seconds),
            Happening::SyncSet(pod) => self.sync_set(*pod),
            Happening::SyncKey(pod) => self.sync_key(*pod),
            Happening::Replace(pod) => {
                self.sync_set(*pod);
                self.sync_key(*pod);
                self.roll(*pod);
            }
            Happening::Roll(pod) => self.roll(*pod),
            Happening::Ready(pod, ready) => self.pods[*pod].ready = *ready,
            Happening::Answers(pod, answers) => self.pods[*pod].answers = *answers,
            Happening::Sign(pod) => self.sign(*pod),
            Happening::Work => {
                for pod in 0..PODS {
                    self.sync_set(pod);
                    self.sync_key(pod);
                    self.sign(pod);
                }
            }
            Happening::Pass(writes) => self.pass(*writes),
            Happening::Backup => self.backup = self.ring.clone().unwrap_or(self.backup.clone()),
            Happening::Lose => self.replaced(None),
            Happening::Restore => self.replaced(Some(self.backup.clone())),
            Happening::Revoke(number) => self.revoke(*number),
            Happening::Rotate => self.wish.rotation += 1,
            Happening::Retime(timings) => self.wish.timings = *timings,
            Happening::Edit(edit) => self.edit(*edit),
        }
    }

    fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.rules.waits(seconds, self.now);
    }

    /// What is done a moment too early or too late is done at a date.
    fn wait_for_a_date(&mut self, after: i64) {
        let ahead = self
            .ring
            .as_ref()
            .map(|ring| outlook(ring, &self.wish, None, self.now));
        if let Some(at) = ahead.and_then(|ahead| ahead.look) {
            self.wait(((at - self.now).num_seconds() + after).max(0));
        }
    }

    /// Every clock goes back. Times that lie behind us are as far away as they were.
    fn back(&mut self, by: TimeDelta) {
        self.now -= by;
        self.rules.back(by);
    }

    /// A pod keeps what it has where there is nothing that it can use.
    fn sync_set(&mut self, pod: usize) {
        if self.files.set().is_some() {
            let files = &mut self.pods[pod].files;
            files.jwks.clone_from(&self.files.jwks);
            files.meta.clone_from(&self.files.meta);
        }
    }

    fn sync_key(&mut self, pod: usize) {
        if kid_of(self.files.signing.as_ref()).is_some() {
            self.pods[pod].files.signing.clone_from(&self.files.signing);
        }
    }

    /// A pod is started with what the resource says, once the operator has recorded and published that.
    fn roll(&mut self, pod: usize) {
        let life = self.wish.timings.token_seconds();
        let told = epoch_of(self.files.meta.as_deref());
        let ring = self.ring.as_ref().filter(|ring| ring.epoch == told);
        let recorded = ring.and_then(KeyRing::active);
        if recorded.is_some_and(|key| key.token_seconds >= life) {
            self.pods[pod].life = life;
        }
    }

    fn sign(&mut self, pod: usize) {
        let Pod { files, life, .. } = &self.pods[pod];
        if let Some(kid) = kid_of(files.signing.as_ref()) {
            let life = TimeDelta::seconds(i64::try_from(*life).expect("small"));
            let denied = self.wish.revoke.iter().any(|revoked| revoked.kid == kid);
            if !denied {
                self.rules.signed(kid, self.now + life);
            }
        }
    }

    fn replaced(&mut self, ring: Option<KeyRing>) {
        self.ring = ring;
        self.rules.ring_replaced();
    }

    fn revoke(&mut self, number: usize) {
        let keys = self.ring.iter().flat_map(|ring| &ring.keys);
        let public: Vec<String> = keys
            .filter(|key| key.state.is_public())
            .map(|key| key.kid.clone())
            .collect();
        if let Some(kid) = public.get(number % public.len().max(1)) {
            self.wish.revoke.push(Revocation {
                kid: kid.clone(),
                reason: "stolen".to_owned(),
            });
        }
    }

    /// A pass that dies after `writes` writes; each change of the ring is one, and so is each projection.
    fn pass(&mut self, mut writes: usize) {
        let acks = self.acks();
        let clock = ManualClock::new(self.now + self.off);
        let server = ServerClock::default();
        let date = self.now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let date = [(http::header::DATE, date.parse().expect("a value"))];
        server.hear(&http::HeaderMap::from_iter(date), clock.now());
        let now = server.time(clock.now());
        for _ in 0..STEPS {
            let observed = Observed {
                ring: self.ring.clone(),
                jwks: self.files.jwks.clone(),
                meta: self.files.meta.clone(),
                seal: self.files.seal.clone(),
                signing: self.files.signing.clone(),
            };
            let step = decide(&observed, &self.wish, Some(&acks), now);
            let ring = self.ring.as_ref();
            let urgent = ring.is_some_and(|ring| is_urgent(ring, &self.wish));
            let may = step.may_be_done(urgent, server.skew().is_some(), false);
            let fresh: Vec<FreshKey> = (1..=step.new_keys() as u64)
                .map(|number| fresh(self.made + number))
                .collect();
            let taken = step.taken(&self.wish, ring, &fresh, now).filter(|_| may);
            let ends = taken.is_none();
            if let Some(ring) = taken {
                if writes == 0 {
                    return;
                }
                writes -= 1;
                self.made += fresh.len() as u64;
                self.judge(&step, &ring, now);
                self.ring = Some(ring);
            }
            if !self.project(&observed, &mut writes) || ends {
                return;
            }
        }
    }

    /// Writes the projections. Tells whether it came to its end.
    fn project(&mut self, observed: &Observed, writes: &mut usize) -> bool {
        let Some(ring) = self.ring.clone() else {
            return true;
        };
        let wanted = Files::of(&ring);
        let active = ring.active().expect("active").kid.clone();
        let set_first = !is_published(&active, observed);
        for set in [set_first, !set_first] {
            if *writes == 0 {
                return false;
            }
            *writes -= 1;
            if set {
                let signing = self.files.signing.take();
                self.files = Files {
                    signing,
                    ..wanted.clone()
                };
            } else {
                self.files.signing.clone_from(&wanted.signing);
            }
            self.rules.written(&self.files, &ring, &self.wish);
        }
        if self.rules.settled(&ring) {
            // With the ring its record of lives was lost, too, and a backup from before is of another life.
            self.backup = ring.clone();
            let recorded = ring.active().expect("active").token_seconds;
            for pod in &mut self.pods {
                pod.life = pod.life.min(recorded);
            }
        }
        true
    }

    /// A change of the ring keeps the rules of its step.
    fn judge(&mut self, step: &Step, after: &KeyRing, now: DateTime<Utc>) {
        self.rules.stepped(step, after, &self.wish);
        let Some(before) = &self.ring else { return };
        assert!(after.latest() >= before.latest(), "K9: time runs backwards");
        assert!(after.epoch >= before.epoch);
        let timings = &self.wish.timings;
        match step {
            Step::Activate => {
                let next = before.next().expect("published");
                let late = next.published_at.expect("a time") + timings.lead_for();
                let late = now.max(before.latest()) >= late + timings.period / 10;
                let knows = |pod: &Pod| {
                    let set = pod.files.set();
                    set.is_some_and(|set| set.kids().contains(&next.kid.as_str()))
                };
                let all = self.pods.iter().all(|pod| !pod.ready || knows(pod));
                let sure = !self.rules.has_lost;
                assert!(
                    all || late || !sure,
                    "a Ready pod does not know the next key"
                );
            }
            Step::Quiet(kid) => {
                let signs = |pod: &Pod| kid_of(pod.files.signing.as_ref()).as_ref() == Some(kid);
                assert!(!self.pods.iter().any(signs), "a pod signs with {kid}");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(
        times in timings(),
        events in prop::collection::vec(happening(), 1..100),
    ) {
        let mut world = World::new(times);
        for event in &events {
            world.happens(event);
        }
    }
}
