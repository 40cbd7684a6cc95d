//! The application: composes the domains into the roles `web`, `worker`, `beat` and `realtime`. Owns no domain.

pub mod commands;
mod deprecations;
mod document;
mod purge;
pub mod roles;
mod router;

pub use api_server_users::UsersConfig;
pub use document::{document, events};
