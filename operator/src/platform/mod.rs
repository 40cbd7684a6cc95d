//! The reconcile of a Platform, in five stages: dereference, validate, build, apply, status.

pub mod apply;
pub mod build;
mod context;
mod dereference;
mod error;
mod exposure;
mod finalizer;
pub mod foreign;
mod kinds;
mod monitoring;
mod network;
pub mod pods;
mod reconcile;
mod removal;
pub(crate) mod rollout;
mod scale;
mod states;
pub mod status;
mod suspended;
pub mod validate;

pub use context::Context;
pub(crate) use dereference::named_secrets;
pub use error::{Class, StepError};
pub use kinds::Kinds;
pub use reconcile::{reconcile, unreadable};
pub use states::{PodState, States};
pub use validate::Role;
