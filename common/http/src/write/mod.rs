//! The one way to change something over HTTP.
//!
//! A handler takes an [`Attempt`] instead of a [`Principal`](crate::Principal). Its service gives the attempt the work to do and
//! how to answer, and gets a [`Written`], which comes from nowhere else. What follows from a request that is sent again, or
//! sent to be tried out, happens in between.

mod attempt;
mod work;

pub use attempt::Attempt;
pub(crate) use attempt::{Key, SentBody};
pub use work::{Effect, Written};
