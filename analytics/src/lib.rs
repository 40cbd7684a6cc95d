//! Analytics: summaries of teams, and the daily counts behind them.
//!
//! Two roles. `analytics` answers HTTP from the views `analytics_*` of the application's replica and
//! from tables of its own; `analytics-worker` keeps these tables from `task-events`. Neither knows the
//! application's primary: its configuration has no place for that address. Tokens are verified with
//! public keys only.

mod api;
mod config;
mod consumer;
mod error;
mod metrics;
mod migrate;
mod model;
pub mod roles;
mod service;
mod state;
mod store;

use error::Error;

pub use api::{document, routes};
pub use config::AnalyticsConfig;
pub use migrate::{MIGRATOR, MigrateError, migrate, plan};
pub use state::Analytics;
