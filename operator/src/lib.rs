//! The role `operator`: makes a Platform true, on Kubernetes and on the servers that its user brings. And the kubectl plugin,
//! which asks and tells of that.

pub mod acts;
pub mod backoff;
mod config;
mod controller;
mod credentials;
mod hex;
pub mod keys;
mod lease;
mod metrics;
pub mod platform;
pub mod plugin;
mod run;
mod server_clock;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod told;
pub mod upgrade;

pub use config::OperatorConfig;
pub use run::{controllers, run};
