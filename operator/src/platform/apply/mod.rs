//! What acts: on Kubernetes and, as administrator, on the servers. Every step can be repeated and can be cut off
//! between any two writes.

mod administrators;
mod compare;
pub mod kafka;
pub mod kube;
pub mod ledger;
pub mod postgres;
pub mod redis;
mod repair;
mod watched;

pub use administrators::Administrators;
pub use watched::Watched;
pub(crate) use watched::key;
