//! Connections to PostgreSQL: pools by name, credentials that may change under a live pool.
//!
//! [`Pools::read`] never falls back by surprise: it is the replica when one is configured, and is
//! read-only either way. No SQL of a domain lives here.

mod config;
mod credentials;
mod error;
mod migration;
mod pools;
#[cfg(feature = "testing")]
pub mod testing;
mod transaction;

pub use config::DatabaseConfig;
pub use credentials::Credentials;
pub use error::DbError;
pub use migration::{MigrateError, Pending, Phase, Report, migrate, plan};
pub use pools::{PoolOptions, Pools, pool};
pub use transaction::begin;
