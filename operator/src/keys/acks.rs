//! What the pods say of their keys, and what follows for the ring. Pure.

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
    fn is_behind(&self, epoch: u64) -> bool {
        self.epoch.is_none_or(|uses| uses < epoch)
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

    /// The Ready pods that do not use this generation of the key set or a later one. One that does not answer may be
    /// one of them.
    #[must_use]
    pub fn behind(&self, epoch: u64) -> Vec<&str> {
        let behind = |pod: &&PodKeys| pod.ready && pod.is_behind(epoch);
        self.names(behind)
    }

    /// The pods, Ready or not, that do not use this generation of the key set or a later one.
    #[must_use]
    pub fn not_at(&self, epoch: u64) -> Vec<&str> {
        self.names(|pod| pod.is_behind(epoch))
    }

    /// The pods, Ready or not, that may still sign with this key: one that does not answer does until it is gone.
    #[must_use]
    pub fn signing_with(&self, kid: &str) -> Vec<&str> {
        let signs = |pod: &&PodKeys| pod.signs && pod.kid.as_deref().is_none_or(|uses| uses == kid);
        self.names(signs)
    }

    fn names(&self, wanted: impl Fn(&&PodKeys) -> bool) -> Vec<&str> {
        let pods = self.0.iter().filter(wanted);
        pods.map(|pod| pod.name.as_str()).collect()
    }
}
