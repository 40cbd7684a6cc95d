//! The domain's values; making one proves its rules.

mod email;
mod imported;
mod name;
mod password;
mod role;
mod team;
mod user;

pub use email::Email;
pub(crate) use imported::{Fault, ImportedUser};
pub use name::Name;
pub use password::Password;
pub use role::Role;
pub(crate) use team::{Member, Team, TeamName};
pub(crate) use user::User;
