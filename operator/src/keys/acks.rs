//! What the pods say of their keys, and what follows for the ring. Pure.

use super::ring::{HIGHEST_EPOCH, KeyState, RingKey};
use crate::platform::{PodState, Role};

/// One pod of a role that verifies or signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodKeys {
    /// Its name.
    pub name: String,
    /// Whether it takes requests.
    pub ready: bool,
    /// Whether it is of the role that signs.
    pub signs: bool,
    /// Generation of the key set that it uses; `None` while it does not answer.
    pub epoch: Option<u64>,
    /// The key that it signs with; `None` while it does not answer, or of a role that does not sign.
    pub kid: Option<String>,
}

/// What all pods of a Platform said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acks(pub Vec<PodKeys>);

impl PodKeys {
    /// Whether it uses this generation of the key set or a later one, up to the `newest` that the ring has come to. What is
    /// above that is of another ring, and says nothing about this one.
    fn knows(&self, epoch: u64, newest: u64) -> bool {
        self.epoch
            .is_some_and(|uses| (epoch..=newest).contains(&uses))
    }

    fn may_sign_with(&self, kid: &str) -> bool {
        self.signs && self.kid.as_deref().is_none_or(|uses| uses == kid)
    }
}

impl From<&PodState> for PodKeys {
    fn from(pod: &PodState) -> Self {
        Self {
            name: pod.name.clone(),
            ready: pod.ready,
            signs: pod.role == Some(Role::Web),
            epoch: pod.state["jwks_epoch"].as_u64(),
            kid: pod.state["jwt_signing_kid"].as_str().map(str::to_owned),
        }
    }
}

impl Acks {
    /// What the pods of the roles that verify say.
    #[must_use]
    pub fn of(pods: &[PodState]) -> Self {
        let verifying = pods
            .iter()
            .filter(|pod| pod.role.is_some_and(Role::verifies));
        Self(verifying.map(PodKeys::from).collect())
    }

    /// The Ready pods that do not use this generation of the key set or a later one of the ring, whose `newest` is this. One
    /// that does not answer may be one of them.
    #[must_use]
    pub fn behind(&self, epoch: u64, newest: u64) -> Vec<&str> {
        self.names(|pod| pod.ready && !pod.knows(epoch, newest))
    }

    /// The pods, Ready or not, that do not use exactly this generation of the key set.
    #[must_use]
    pub fn not_at(&self, epoch: u64) -> Vec<&str> {
        self.names(|pod| !pod.knows(epoch, epoch))
    }

    /// The pods, Ready or not, that may still sign with this key: one that does not answer does until it is gone.
    #[must_use]
    pub fn signing_with(&self, kid: &str) -> Vec<&str> {
        self.names(|pod| pod.may_sign_with(kid))
    }

    /// The highest generation that a pod uses, if the ring has never come to it: it is an older one.
    #[must_use]
    pub fn ahead(&self, newest: u64) -> Option<u64> {
        let told = self.0.iter().filter_map(|pod| pod.epoch);
        told.filter(|uses| (newest.saturating_add(1)..=HIGHEST_EPOCH).contains(uses))
            .max()
    }

    /// How many of the pods whose word counts have followed what became of a key, as "3/4": of a published one the Ready
    /// pods that know it, of one that signs or has signed the signers that do or do no more, of a denied one the pods that
    /// use a set without it. `None` where nobody is to be asked.
    #[must_use]
    pub fn acknowledged(&self, key: &RingKey, newest: u64) -> Option<String> {
        let count = |counts: &dyn Fn(&PodKeys) -> bool, follows: &dyn Fn(&PodKeys) -> bool| {
            let asked: Vec<&PodKeys> = self.0.iter().filter(|pod| counts(pod)).collect();
            let followed = asked.iter().filter(|pod| follows(pod)).count();
            (!asked.is_empty()).then(|| format!("{followed}/{}", asked.len()))
        };
        let signs = |pod: &PodKeys| pod.signs;
        match key.state {
            KeyState::Published => count(&|pod| pod.ready, &|pod| {
                pod.knows(key.published_epoch, newest)
            }),
            KeyState::Active => count(&signs, &|pod| pod.kid.as_ref() == Some(&key.kid)),
            KeyState::Retiring => count(&signs, &|pod| !pod.may_sign_with(&key.kid)),
            KeyState::Revoked => count(&|_| true, &|pod| pod.knows(key.removed_epoch, newest)),
            KeyState::Pending | KeyState::Retired => None,
        }
    }

    fn names(&self, wanted: impl Fn(&PodKeys) -> bool) -> Vec<&str> {
        let pods = self.0.iter().filter(|pod| wanted(pod));
        pods.map(|pod| pod.name.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::Value;

    use super::*;

    fn pod(signs: bool, epoch: Option<u64>, kid: Option<&str>) -> PodKeys {
        PodKeys {
            name: format!("pod-{epoch:?}"),
            ready: true,
            signs,
            epoch,
            kid: kid.map(str::to_owned),
        }
    }

    #[test]
    fn a_generation_of_another_ring_is_no_word_about_this_one() {
        let acks = Acks(
            [Some(6), Some(7), Some(9), Some(u64::MAX), None]
                .map(|epoch| pod(false, epoch, None))
                .into(),
        );
        let names = ["pod-Some(9)", "pod-Some(18446744073709551615)", "pod-None"];
        assert_eq!(acks.behind(6, 7), names);
        assert_eq!(acks.not_at(7).len(), 4);
        assert_eq!(acks.ahead(7), Some(9));
        assert_eq!(acks.ahead(9), None, "a number without end leads nowhere");
    }

    #[test]
    fn who_has_followed_is_counted_among_those_whose_word_counts() {
        let mut key = RingKey::known(
            "old".to_owned(),
            Value::Null,
            KeyState::Published,
            DateTime::UNIX_EPOCH,
        );
        key.published_epoch = 7;
        key.removed_epoch = 8;
        let mut acks = Acks(vec![
            pod(true, Some(8), Some("new")),
            pod(true, Some(7), Some("old")),
            pod(true, None, None),
            pod(false, Some(6), None),
        ]);
        acks.0[0].ready = false;
        for (state, counted) in [
            (KeyState::Pending, None),
            (KeyState::Published, Some("1/3")),
            (KeyState::Active, Some("1/3")),
            (KeyState::Retiring, Some("1/3")),
            (KeyState::Revoked, Some("1/4")),
        ] {
            key.state = state;
            assert_eq!(acks.acknowledged(&key, 8).as_deref(), counted, "{state:?}");
        }
        key.state = KeyState::Published;
        assert_eq!(Acks::default().acknowledged(&key, 8), None);
    }
}
