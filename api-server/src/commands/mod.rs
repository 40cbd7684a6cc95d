//! What the application does on the command line.

mod migrate;

pub use migrate::{Administrator, MigrationFailure, migrate};
