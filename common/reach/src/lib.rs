//! Reaching at start what a role needs, however long it is away: `/livez` answers at once, `/readyz` names what is
//! missing, and `/internal/state` tells which keys and logins are in use. Logins and keys that change are followed. What was
//! reached once stays so in readiness; whether a loop of the role still turns is watched: `docs/adr/0037-what-readiness-says.md`.

mod database;
mod epochs;
mod reach;
mod trust;
mod turning;

pub use database::Database;
pub use epochs::Epochs;
pub use reach::reach;
pub use trust::{Trust, Trusted};
pub use turning::{is_away, watch};
