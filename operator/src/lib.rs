//! The role `operator`: makes a Platform true, on Kubernetes and on the servers that its user brings.

pub mod backoff;
mod config;
mod controller;
mod credentials;
mod hex;
pub mod keys;
mod lease;
mod metrics;
pub mod platform;
mod run;
mod server_clock;
pub mod upgrade;

pub use config::OperatorConfig;
pub use run::run;
