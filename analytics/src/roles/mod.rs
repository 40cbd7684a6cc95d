//! The two roles. Whatever needs a server is reached by spawned work that tries until it succeeds:
//! `/livez` answers at once, and `/readyz` names what is missing.

pub mod analytics;
pub mod analytics_worker;
mod databases;
