//! Which logins need no proof in this pass, and which databases no look inside.
//!
//! A login is proved on its servers before its Secret is written. A proof after that only finds what somebody changed on a
//! server since, such as a password, and costs a connection with its handshakes for each login and each server. So it is
//! repeated now and then, and the first time in a life of the operator at a drawn moment: a restart does not log in
//! everywhere at once. To look inside a database is a login, too.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::Ids;

/// How long a proof is believed while the roles serve.
const LONG: TimeDelta = TimeDelta::minutes(10);
/// The same while they do not: a login may be why.
const SHORT: TimeDelta = TimeDelta::seconds(30);

/// How far former proofs are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// The roles serve.
    Long,
    /// They do not, or not yet.
    Short,
    /// Not at all: each pass proves everything.
    #[cfg(test)]
    None,
}

impl Belief {
    /// By whether the roles serve.
    pub(crate) fn of(serves: bool) -> Self {
        if serves { Self::Long } else { Self::Short }
    }

    fn lasts(self) -> TimeDelta {
        match self {
            Self::Long => LONG,
            Self::Short => SHORT,
            #[cfg(test)]
            Self::None => TimeDelta::zero(),
        }
    }
}

/// What was proved of a login, or seen inside a database, and when; by its name, which no two Platforms share.
#[derive(Default)]
pub struct Proofs(Mutex<HashMap<String, Proof>>);

#[derive(Clone, Copy)]
struct Proof {
    /// Of the servers, of what is expected there, and of the password.
    subject: u64,
    at: DateTime<Utc>,
}

impl Proofs {
    /// Whether `subject` of what has this name was proved at most this long ago. Of a name that is not known yet it is taken to
    /// have been, at a drawn moment.
    pub(crate) fn holds(
        &self,
        name: &str,
        subject: u64,
        belief: Belief,
        now: DateTime<Utc>,
        ids: &dyn Ids,
    ) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let proof = known.entry(name.to_owned()).or_insert_with(|| Proof {
            subject,
            at: now - part(LONG, ids),
        });
        // A clock that went back does not make it last longer.
        proof.subject == subject && proof.at <= now && now - proof.at < belief.lasts()
    }

    /// It is to be proved in the next pass.
    pub(crate) fn refuted(&self, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Not simply unknown: that would be believed.
        let (subject, at) = (0, DateTime::UNIX_EPOCH);
        known.insert(name.to_owned(), Proof { subject, at });
    }

    /// It was proved just now. Not all that was proved together is due together: it counts as a little older.
    pub(crate) fn proved(&self, name: &str, subject: u64, now: DateTime<Utc>, ids: &dyn Ids) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of Platforms that went, when there is no room for another.
        if known.len() == known.capacity() {
            known.retain(|_, proof| now - proof.at < LONG * 2);
        }
        let at = now - part(SHORT, ids);
        known.insert(name.to_owned(), Proof { subject, at });
    }
}

/// A drawn part of a span.
fn part(span: TimeDelta, ids: &dyn Ids) -> TimeDelta {
    let mut draw = [0_u8; 2];
    ids.fill(&mut draw);
    span * i32::from(u16::from_be_bytes(draw)) / i32::from(u16::MAX)
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

    #[test]
    fn a_proof_lasts_a_while_and_less_long_while_pods_do_not_serve() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        proofs.proved("a", 1, now(), &ids);
        let holds = |subject, belief, seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            proofs.holds("a", subject, belief, at, &ids)
        };
        assert!(holds(1, Belief::Long, 0) && holds(1, Belief::Long, 500));
        assert!(!holds(1, Belief::Long, 601) && !holds(1, Belief::Short, 31));
        assert!(!holds(2, Belief::Long, 0), "of another password");
        assert!(!holds(1, Belief::Long, -60), "by a clock that went back");
        assert!(!holds(1, Belief::None, 0));
        proofs.refuted("a");
        assert!(!holds(1, Belief::Long, 0));
    }

    #[test]
    fn after_a_restart_logins_are_proved_within_the_time_but_not_at_once() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let logins: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        let due = |seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            let due = |login: &&String| !proofs.holds(login, 1, Belief::Long, at, &ids);
            logins.iter().filter(due).count()
        };
        assert!(due(0) <= 1);
        assert!((30..70).contains(&due(300)));
        assert_eq!(due(600), 100);
    }

    #[test]
    fn where_pods_do_not_serve_a_restart_proves_most_logins_at_once() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let due = (0..100)
            .filter(|n| !proofs.holds(&n.to_string(), 1, Belief::Short, now(), &ids))
            .count();
        assert!(due > 80, "{due}");
    }
}
