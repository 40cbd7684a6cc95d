//! What the application does on the command line.

mod migrate;
mod smoke;

pub use migrate::{Administrator, MigrationFailure, migrate};
pub use smoke::{Smoke, smoke};
