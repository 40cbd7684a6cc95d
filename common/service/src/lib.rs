//! The life of a role: start, readiness, work on a tracker, shutdown in two stages.
//!
//! A role makes one [`Service`], listens and spawns on it, and ends by returning from
//! [`Service::run`]. The *soft* token says "take no new work"; after the drain time the *hard* token
//! says "give up what is running". Nothing calls `exit`.

mod accept;
mod config;
mod probes;
mod readiness;
mod service;
mod signals;
mod state;

pub use config::ServiceConfig;
pub use readiness::ReadyCheck;
pub use service::Service;
pub use signals::end_of_process;
