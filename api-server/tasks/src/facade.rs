//! What other domains may know of this one: its events.

pub use crate::producer::{TaskArchived, TaskCreated, TaskEvent, TaskRestored, TaskUpdated};
