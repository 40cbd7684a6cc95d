//! The application's tables: migrations and nothing else.
//!
//! Every migration is reversible, is named `<number>_<expand|contract>_<what>` and suits the old and
//! the new code. No migration names a role of a deployment: grants come from the default privileges
//! that the operator sets for the owner of these tables.

/// All migrations, in order.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");
