//! Domain `tasks`: what a team has to do, who does it, and what became of it.
//!
//! Other crates use [`router`], [`facade`], the consumer, and nothing else.

mod api;
mod consumer;
mod error;
pub mod facade;
mod model;
mod producer;
mod service;
mod state;
mod store;

pub use api::{router, routes};
pub use consumer::Departures;
pub use error::Error;
pub use producer::events;
pub use state::{Parts, Tasks};
