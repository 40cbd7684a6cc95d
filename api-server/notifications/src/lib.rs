//! Domain `notifications`: what a person should know, made from other domains' events.
//!
//! Other crates use [`router`], [`Notifier`], and nothing else.

mod api;
mod consumer;
mod error;
mod model;
mod service;
mod state;
mod store;

pub use api::{router, routes};
pub use consumer::Notifier;
pub use error::Error;
pub use state::{Notifications, Parts};
