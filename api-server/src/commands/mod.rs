//! What the application does on the command line.

mod create_admin;
mod import_users;
mod migrate;
mod smoke;

pub use create_admin::{Administrator, create_admin};
pub use import_users::import_users;
pub use migrate::{migrate, plan};
pub use smoke::{Smoke, smoke};
