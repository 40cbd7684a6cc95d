//! Redis under this deployment's namespace.
//!
//! Every key becomes `<namespace>:<key>` here and nowhere else, and only commands on the allow-list
//! of the deployment's Redis user are used: no SCAN, KEYS, EVAL or SELECT.

mod cache;
mod config;
mod connection;
mod error;
mod login;
mod open;
#[cfg(feature = "testing")]
pub mod testing;

pub use cache::Cache;
pub use config::CacheConfig;
pub use error::CacheError;
