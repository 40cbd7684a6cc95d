//! Background work of the domain.

mod purge_sessions;

pub use purge_sessions::{JobState, PurgeSessions};
