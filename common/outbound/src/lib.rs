//! The one HTTP client that leaves the process.
//!
//! No redirects, bounded time and size, and no private address unless the configuration names its
//! host: a URL that came from outside must not reach what only we can reach.

mod address;
mod client;
mod config;

pub use client::{Outbound, OutboundError, Response};
pub use config::OutboundConfig;
