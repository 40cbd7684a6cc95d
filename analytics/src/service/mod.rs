//! Use cases.

mod cached;
pub(crate) mod summary;
