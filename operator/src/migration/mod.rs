//! The gate between a new image and the roles: its migrations are applied by a Job before any role rolls. When the
//! Job fails, nothing rolls, and the old version goes on serving.

mod admin_secret;
mod failure;
mod gate;

pub use gate::{Migrated, gate};
