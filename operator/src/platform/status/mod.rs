//! What the operator tells: conditions, the one line that is waited for, Events.

mod conditions;
mod events;
mod keys;
mod report;
mod write;

pub use events::{publish, record};
pub use keys::KeysReport;
pub use report::{Report, Verdict};
pub use write::{Written, replace, write, write_keys};
