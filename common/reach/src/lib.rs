//! Reaching at start what a role needs, however long it is away: `/livez` answers at once, `/readyz` names what is
//! missing, and `/internal/state` tells which keys and logins are in use. Logins and keys that change are followed.

mod database;
mod epochs;
mod reach;
mod trust;

pub use database::Database;
pub use epochs::Epochs;
pub use reach::reach;
pub use trust::{Trust, Trusted};
