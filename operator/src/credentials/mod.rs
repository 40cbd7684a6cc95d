//! What the credentials of all three servers have in common: where they are kept, how they are made, how they look.

mod claims;
#[cfg(test)]
pub(crate) mod cluster;
mod kube;
#[cfg(test)]
pub(crate) mod memory;
#[cfg(test)]
pub(crate) mod overtaking;
mod proofs;
mod rotation;
mod scram;
#[cfg(test)]
mod tests;
mod url;
mod usage;

use std::collections::BTreeMap;

use async_trait::async_trait;
use common_clock::Ids;
use secrecy::SecretString;

pub(crate) use self::{
    claims::{Claim, Claims},
    kube::KubeStore,
    proofs::{Belief, Proofs, subject},
    rotation::{Found, Issue, Rotation, Schedule, Settled, free_slot, other_slot},
    scram::verifier,
    url::{Login, read_login, url},
    usage::Usage,
};
use crate::platform::{
    StepError,
    apply::ledger::{Server, Thing},
};

/// The content of a client's Secret by key.
pub(crate) type Keys = BTreeMap<String, SecretString>;

/// Where a Platform's credentials and the ledger of its external things are kept.
///
/// The order of every change is: [`Store::intend`], [`Store::claim`], the act on the server, proof, [`Store::keep`],
/// [`Store::made`]. A crash between any two leaves a state from which the next pass goes on, and two passes at once do the
/// same.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// Whether the ledger names the thing: we found it absent and meant to make it, or it bears our marker.
    fn knows(&self, thing: &Thing) -> bool;

    /// Writes down what is about to be made, before it is. No write if all of it is written down already.
    async fn intend(&mut self, things: &[Thing]) -> Result<(), StepError>;

    /// Writes down that everything written down for the server is there. No write if that is written down already.
    async fn made(&mut self, server: Server) -> Result<(), StepError>;

    /// The claims of all clients.
    async fn claims(&mut self) -> Result<&Claims, StepError>;

    /// Writes down a claim, unless one for the same succession is there: then that one counts. Gives the one that counts.
    async fn claim(&mut self, client: &str, slot: &str, claim: Claim) -> Result<Claim, StepError>;

    /// The Secret of a client, if there is one.
    async fn secret(&mut self, client: &str) -> Result<Option<Keys>, StepError>;

    /// Makes or replaces the Secret of a client.
    async fn keep(&mut self, client: &str, keys: Keys) -> Result<(), StepError>;
}

/// A new password: 256 random bits in characters that need no escape, anywhere.
pub(crate) fn password(ids: &dyn Ids) -> SecretString {
    SecretString::from(ids.token(32))
}
