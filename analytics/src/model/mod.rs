//! What analytics counts. Pure: no axum, no sqlx.

mod status;
mod summary;
mod tally;

pub(crate) use status::Status;
pub(crate) use summary::{Counts, Day, Summary};
pub(crate) use tally::{Act, Tally};
