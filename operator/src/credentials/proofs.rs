//! Which logins need no proof in this pass.
//!
//! A login is proved on its servers before its Secret is written. A proof after that only finds what somebody changed on a
//! server since, such as a password, and costs a connection with its handshakes for each login and each server. So it is
//! repeated now and then, and the first time in a life of the operator at a drawn moment: a restart does not log in
//! everywhere at once.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::Ids;

use super::Login;

/// How long a proof lasts while the pods serve.
const LASTS: TimeDelta = TimeDelta::minutes(10);
/// The same while they do not: a login may be why.
const LASTS_IN_TROUBLE: TimeDelta = TimeDelta::seconds(30);

/// How long a proof lasts, by whether the Platform's pods serve.
#[must_use]
pub(crate) fn proofs_last(serves: bool) -> TimeDelta {
    if serves { LASTS } else { LASTS_IN_TROUBLE }
}

/// What was proved of a login, and when; by its name, which no two Platforms share.
#[derive(Default)]
pub struct Proofs(Mutex<HashMap<String, Proof>>);

#[derive(Clone, Copy)]
struct Proof {
    /// Of the servers, of what is expected there, and of the password.
    subject: u64,
    at: DateTime<Utc>,
}

impl Proofs {
    /// Whether `subject` of a login that its Secret has was proved at most this long ago. Of a login that is not known yet it
    /// is taken to have been, at a drawn moment.
    pub(crate) fn holds(
        &self,
        login: &Login,
        subject: u64,
        lasts: TimeDelta,
        now: DateTime<Utc>,
        ids: &dyn Ids,
    ) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let proof = known.entry(login.user.clone()).or_insert_with(|| Proof {
            subject,
            at: now - part(LASTS, ids),
        });
        // A clock that went back does not make it last longer.
        proof.subject == subject && proof.at <= now && now - proof.at < lasts
    }

    /// It was proved just now. Not all that was proved together is due together: it counts as a little older.
    pub(crate) fn proved(&self, login: &Login, subject: u64, now: DateTime<Utc>, ids: &dyn Ids) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Logins of Platforms that went, when there is no room for another.
        if known.len() == known.capacity() {
            known.retain(|_, proof| now - proof.at < LASTS * 2);
        }
        let at = now - part(LASTS_IN_TROUBLE, ids);
        known.insert(login.user.clone(), Proof { subject, at });
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
    use secrecy::SecretString;

    use super::*;

    fn login(user: &str) -> Login {
        Login {
            user: user.to_owned(),
            password: SecretString::from("p"),
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("in range")
    }

    #[test]
    fn a_proof_lasts_a_while_and_less_long_while_pods_do_not_serve() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let a = login("a");
        proofs.proved(&a, 1, now(), &ids);
        let holds = |subject, serves, seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            proofs.holds(&a, subject, proofs_last(serves), at, &ids)
        };
        assert!(holds(1, true, 0) && holds(1, true, 500));
        assert!(!holds(1, true, 601) && !holds(1, false, 31));
        assert!(!holds(2, true, 0), "of another password");
        assert!(!holds(1, true, -60), "by a clock that went back");
    }

    #[test]
    fn after_a_restart_logins_are_proved_within_the_time_but_not_at_once() {
        let (proofs, ids) = (Proofs::default(), SeededIds::new(7));
        let logins: Vec<Login> = (0..100).map(|n| login(&n.to_string())).collect();
        let due = |seconds| {
            let at = now() + TimeDelta::seconds(seconds);
            let due = |login: &&Login| !proofs.holds(login, 1, LASTS, at, &ids);
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
            .filter(|n| !proofs.holds(&login(&n.to_string()), 1, LASTS_IN_TROUBLE, now(), &ids))
            .count();
        assert!(due > 80, "{due}");
    }
}
