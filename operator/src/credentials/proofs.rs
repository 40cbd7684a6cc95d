//! Which logins need no proof in this pass, and which databases no look inside.
//!
//! A login is proved on its servers before its Secret is written. A proof after that only finds what somebody changed on a
//! server since, such as a password, and costs a connection with its handshakes for each login and each server. So it is
//! repeated now and then, and the first time in a life of the operator at a drawn moment: a restart does not log in
//! everywhere at once. To look inside a database is a login, too.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::Ids;

/// How long a proof is believed while the roles serve.
const LONG: TimeDelta = TimeDelta::minutes(5);
/// The same while they do not: a login may be why.
const SHORT: TimeDelta = TimeDelta::seconds(30);
/// What was proved is due up to a tenth of its time early.
const EARLY: u16 = 10;
/// Where the roles serve, the proofs of all names have this long each, up to [`LONG`] for all: one takes about ten milliseconds
/// of processor on both sides, and a server has better to do.
const EACH: TimeDelta = TimeDelta::milliseconds(150);

/// How far former proofs are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belief {
    serves: bool,
    lasts: TimeDelta,
}

impl Belief {
    /// By whether the roles serve, with the databases that they want.
    pub(crate) fn of(serves: bool) -> Self {
        let lasts = if serves { LONG } else { SHORT };
        Self { serves, lasts }
    }

    /// The same, but no longer than this.
    pub(crate) fn at_most(self, limit: TimeDelta) -> Self {
        Self {
            lasts: self.lasts.min(limit),
            ..self
        }
    }

    /// How long a proof is believed, of so many names.
    fn lasts(self, names: usize) -> TimeDelta {
        if !self.serves {
            return self.lasts;
        }
        let turn = EACH * i32::try_from(names).unwrap_or(i32::MAX);
        self.lasts.max(turn.min(LONG))
    }
}

/// What was proved of a login, or seen inside a database, and when; by its name, which no two Platforms share.
#[derive(Default)]
pub struct Proofs(Mutex<Known>);

#[derive(Default)]
struct Known {
    proofs: HashMap<String, Proof>,
    cleaned: DateTime<Utc>,
}

#[derive(Clone, Copy)]
struct Proof {
    /// Of the servers, of what is expected there, and of the password.
    subject: u64,
    at: DateTime<Utc>,
    /// For which part of its time it is believed, in 65,535ths: what was proved together is not due together.
    share: u16,
    /// When somebody wanted to know of it last.
    asked: DateTime<Utc>,
}

impl Proofs {
    /// Whether `subject` of what has this name was proved not too long ago. What is not known yet, and serves, is taken to
    /// have been, at a drawn moment.
    pub(crate) fn holds(
        &self,
        name: &str,
        subject: u64,
        belief: Belief,
        now: DateTime<Utc>,
        ids: &dyn Ids,
    ) -> bool {
        let known = &mut self.known(now).proofs;
        if !belief.serves && !known.contains_key(name) {
            return false;
        }
        let lasts = belief.lasts(known.len());
        let proof = known.entry(name.to_owned()).or_insert_with(|| Proof {
            subject,
            at: now,
            share: draw(ids),
            asked: now,
        });
        proof.asked = now;
        let lasts = lasts * i32::from(proof.share) / i32::from(u16::MAX);
        // A clock that went back does not make it last longer.
        proof.subject == subject && proof.at <= now && now - proof.at < lasts
    }

    /// It was proved just now.
    pub(crate) fn proved(&self, name: &str, subject: u64, now: DateTime<Utc>, ids: &dyn Ids) {
        let proof = Proof {
            subject,
            at: now,
            share: u16::MAX - draw(ids) / EARLY,
            asked: now,
        };
        self.known(now).proofs.insert(name.to_owned(), proof);
    }

    /// It is to be proved in the next pass: not simply unknown, which would be believed.
    pub(crate) fn refuted(&self, name: &str, now: DateTime<Utc>) {
        let proof = Proof {
            subject: 0,
            at: DateTime::UNIX_EPOCH,
            share: 0,
            asked: now,
        };
        self.known(now).proofs.insert(name.to_owned(), proof);
    }

    /// What somebody asks for: the names of Platforms that went count no more.
    fn known(&self, now: DateTime<Utc>) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if (now - known.cleaned).abs() >= LONG {
            known
                .proofs
                .retain(|_, proof| (now - proof.asked).abs() < LONG * 2);
            known.cleaned = now;
        }
        known
    }
}

fn draw(ids: &dyn Ids) -> u16 {
    let mut draw = [0_u8; 2];
    ids.fill(&mut draw);
    u16::from_be_bytes(draw)
}

/// What a proof is of.
pub(crate) fn subject(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use common_clock::SeededIds;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("in range")
    }

    fn knows(proofs: &Proofs, name: &str) -> bool {
        let known = proofs.0.lock().expect("no panic");
        known.proofs.contains_key(name)
    }

    #[test]
    fn a_proof_lasts_a_while_and_less_long_while_pods_do_not_serve() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let (long, short) = (Belief::of(true), Belief::of(false));
        proofs.proved("a", 1, now(), &ids);
        let holds = |subject, belief, seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            proofs.holds("a", subject, belief, at, &ids)
        };
        assert!(holds(1, long, 0) && holds(1, long, 250));
        assert!(!holds(1, long, 301) && !holds(1, short, 31));
        assert!(!holds(1, long.at_most(TimeDelta::seconds(50)), 51));
        assert!(!holds(2, long, 0), "of another password");
        assert!(!holds(1, long, -60), "by a clock that went back");
        proofs.refuted("a", now());
        assert!(!holds(1, long, 0));
    }

    #[test]
    fn the_proofs_of_many_names_take_turns() {
        let between = Belief::of(true).at_most(TimeDelta::seconds(50));
        let lasts = |belief: Belief, names| belief.lasts(names).num_seconds();
        assert_eq!(lasts(between, 9), 50);
        assert_eq!(lasts(between, 900), 135);
        assert_eq!(lasts(between, 9_000), 300);
        assert_eq!(lasts(Belief::of(true), 9), 300);
        assert_eq!(lasts(Belief::of(false), usize::MAX), 30);
    }

    #[test]
    fn after_a_restart_logins_are_proved_within_the_time_but_not_at_once() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let logins: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let due = |seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            let due = |login: &&String| !proofs.holds(login, 1, Belief::of(true), at, &ids);
            logins.iter().filter(due).count()
        };
        assert!(due(0) <= 1);
        assert!((30..70).contains(&due(150)));
        assert_eq!(due(300), 100);
    }

    #[test]
    fn where_pods_do_not_serve_a_restart_proves_everything_at_once() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        assert!(!proofs.holds("a", 1, Belief::of(false), now(), &ids));
        assert!(!knows(&proofs, "a"));
    }

    #[test]
    fn names_that_went_give_the_others_their_time_back() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let between = Belief::of(true).at_most(TimeDelta::seconds(50));
        let at = |minute| now() + TimeDelta::minutes(minute);
        for name in 0..2_000 {
            proofs.proved(&name.to_string(), 1, at(0), &ids);
        }
        let holds_for_a_minute = |minute| {
            proofs.proved("a", 1, at(minute), &ids);
            proofs.holds("a", 1, between, at(minute + 1), &ids)
        };
        assert!(holds_for_a_minute(0));
        assert!(!holds_for_a_minute(20), "alone");
    }

    /// However many others there are: a login whose proof fails, and that is asked for in each pass, never gets to be unknown.
    #[test]
    fn what_is_refuted_is_not_forgotten_while_anybody_asks() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        proofs.refuted("a", now());
        for minute in 0..500 {
            let at = now() + TimeDelta::minutes(minute);
            assert!(
                !proofs.holds("a", 1, Belief::of(true), at, &ids),
                "{minute}"
            );
            proofs.proved(&minute.to_string(), 1, at, &ids);
        }
        assert!(!knows(&proofs, "0"), "what nobody asks for is forgotten");
    }
}
