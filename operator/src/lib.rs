//! The role `operator`: makes a Platform true, on Kubernetes and on the servers that its user brings.

pub mod backoff;
mod config;
mod credentials;
pub mod keys;
pub mod migration;
pub mod platform;

pub use config::OperatorConfig;
