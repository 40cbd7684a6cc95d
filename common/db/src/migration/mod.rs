//! Migrations: what a version would do to a database, and doing it while the former version goes on working there.
//!
//! Each is `expand` or `contract` by the first word of its name (Fowler, "Parallel Change"): an `expand` suits the code
//! before it too and is applied before any process of the new version starts; a `contract` takes away what only the
//! old code used, and waits for the last old process to end.

mod apply;
mod error;
mod index;
mod ledger;
mod lock;
mod phase;
mod plan;
#[cfg(test)]
mod tests;

pub use apply::{Report, migrate};
pub use error::MigrateError;
pub use phase::Phase;
pub use plan::{Pending, plan};

use sqlx::migrate::{Migration, Migrator};

/// The migrations of a version, without their ways back.
fn ups(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
}

/// Number and name, such as `0003_expand_tasks`.
fn name(version: i64, description: &str) -> String {
    format!("{version:04}_{}", description.replace(' ', "_"))
}
