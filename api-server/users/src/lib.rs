//! Domain `users`: people, sign-in, teams and memberships.
//!
//! Other crates use [`router`], [`facade`], the jobs, and nothing else.

mod api;
mod config;
mod error;
pub mod facade;
pub mod jobs;
mod limits;
mod model;
mod producer;
mod revocations;
mod service;
mod state;
mod store;

pub use api::{router, routes};
pub use config::UsersConfig;
pub use error::Error;
pub use model::{Email, Name, Password, Role};
pub use producer::events;
pub use revocations::EndedSessions;
pub use service::create_admin::{FirstAdmin, create_admin, create_first_admin};
pub use service::import::{ImportError, Imported, LineFault, import_users};
pub use state::{Parts, Users};
