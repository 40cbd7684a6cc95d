//! Time and randomness as parameters.
//!
//! The only crate that reads the wall clock or the operating system's random source; everything
//! else takes a [`Clock`] and [`Ids`] and can therefore be tested at any moment with any draw.

mod clock;
mod ids;
#[cfg(feature = "testing")]
pub mod testing;

pub use clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use ids::{Ids, SeededIds, SharedIds, SystemIds};
