//! The domain's values; making one proves its rules.

mod email;
mod imported;
mod member;
mod name;
mod network;
mod password;
mod role;
mod team;
mod user;

pub use email::Email;
pub(crate) use imported::{Fault, ImportedUser};
pub(crate) use member::{FormerMember, Member, of_member, place};
pub use name::Name;
pub(crate) use network::Network;
pub use password::Password;
pub use role::Role;
pub(crate) use team::{Team, TeamName, changed};
pub(crate) use user::User;
