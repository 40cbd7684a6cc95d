//! A store in memory, that counts its writes and can stop at one of them as a crash would.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use common_clock::SystemIds;
use crds::Reason;

use super::{Belief, Claim, Claims, Keys, Proofs, Rotation, Schedule, Store, Usage};
use crate::platform::{
    StepError,
    apply::ledger::{Server, Thing},
};

/// What a Platform would have in Kubernetes.
#[derive(Default)]
pub(crate) struct MemoryStore {
    /// The ledger.
    pub(crate) things: BTreeMap<Thing, bool>,
    /// The Secrets.
    pub(crate) secrets: BTreeMap<String, Keys>,
    /// The claims.
    pub(crate) claims: Claims,
    /// Writes so far.
    pub(crate) writes: usize,
    /// Writes that still succeed; then every one fails.
    pub(crate) dies_after: Option<usize>,
}

impl MemoryStore {
    fn write(&mut self) -> Result<(), StepError> {
        if self.dies_after.is_some_and(|last| self.writes >= last) {
            return Err(StepError::transient(Reason::ApiUnavailable, "killed here"));
        }
        self.writes += 1;
        Ok(())
    }

    /// The names of the Secrets.
    pub(crate) fn clients(&self) -> BTreeSet<&str> {
        self.secrets.keys().map(String::as_str).collect()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn knows(&self, thing: &Thing) -> bool {
        self.things.contains_key(thing)
    }

    async fn intend(&mut self, things: &[Thing]) -> Result<(), StepError> {
        if things.iter().all(|thing| self.knows(thing)) {
            return Ok(());
        }
        self.write()?;
        for thing in things {
            self.things.entry(thing.clone()).or_insert(false);
        }
        Ok(())
    }

    async fn made(&mut self, server: Server) -> Result<(), StepError> {
        let open = |(thing, made): (&Thing, &bool)| thing.server == server && !made;
        if !self.things.iter().any(open) {
            return Ok(());
        }
        self.write()?;
        let on = self
            .things
            .iter_mut()
            .filter(|(thing, _)| thing.server == server);
        on.for_each(|(_, made)| *made = true);
        Ok(())
    }

    async fn claims(&mut self) -> Result<&Claims, StepError> {
        Ok(&self.claims)
    }

    async fn claim(&mut self, client: &str, slot: &str, claim: Claim) -> Result<Claim, StepError> {
        if let Some(claim) = self.claims.of(client, slot, claim.after) {
            return Ok(claim);
        }
        self.write()?;
        self.claims.put(client, slot, claim.clone());
        Ok(claim)
    }

    async fn secret(&mut self, client: &str) -> Result<Option<Keys>, StepError> {
        Ok(self.secrets.get(client).cloned())
    }

    async fn keep(&mut self, client: &str, keys: Keys) -> Result<(), StepError> {
        self.write()?;
        self.secrets.insert(client.to_owned(), keys);
        Ok(())
    }
}

/// Pods that follow every change of a login at once, but for those that are named.
pub(crate) struct Followers(pub(crate) Vec<String>);

#[async_trait]
impl Usage for Followers {
    async fn behind(&self, _client: &str, _epoch: u64) -> Result<Vec<String>, StepError> {
        Ok(self.0.clone())
    }
}

/// A rotation that nobody asks for, and that everybody would follow.
pub(crate) fn at_rest() -> Rotation<'static> {
    static EVERYBODY: Followers = Followers(Vec::new());
    // Every pass proves every login.
    static PROOFS: LazyLock<Proofs> = LazyLock::new(Proofs::default);
    Rotation {
        schedule: Schedule {
            period: TimeDelta::days(30),
            rotation: 0,
            patience: TimeDelta::minutes(2),
        },
        usage: &EVERYBODY,
        now: DateTime::from_timestamp(1_800_000_000, 0).expect("in range"),
        ids: &SystemIds,
        proofs: &PROOFS,
        belief: Belief::of(false).at_most(TimeDelta::zero()),
    }
}
