//! What the application does on the command line.

mod create_admin;
mod migrate;
mod smoke;

pub use create_admin::{Administrator, create_admin};
pub use migrate::{migrate, plan};
pub use smoke::{Smoke, smoke};
