//! Reactions to events of other domains.

mod departures;

pub use departures::Departures;
