//! The reconcile of a Platform, in five stages: dereference, validate, build, apply, status.

mod answer;
pub mod apply;
mod autoscale;
pub mod build;
mod context;
mod custom_metrics;
mod dereference;
mod error;
mod exposure;
mod finalizer;
pub mod foreign;
pub(crate) mod kinds;
pub mod metadata;
mod monitoring;
mod network;
mod object;
pub mod pods;
mod reconcile;
mod removal;
pub(crate) mod rollout;
mod scale;
mod states;
pub mod status;
mod suspended;
pub mod validate;

pub use apply::{Administrators, Watched};
pub use context::Context;
pub use custom_metrics::CustomMetrics;
pub(crate) use dereference::named_secrets;
pub use error::{Class, StepError};
pub use kinds::Kinds;
pub use object::Object;
pub use reconcile::{reconcile, unreadable};
pub use states::{PodState, States};
pub use validate::Role;
