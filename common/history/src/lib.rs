//! What was done to a thing of any domain: which fields an act changed, pages of all acts, and what became of the thing since
//! somebody saw it.
//!
//! Reads the table `audit`, which a domain writes in the statement that changes its own row. Knows no domain and no right: whoever
//! makes a [`Subject`] has looked at both.

mod diff;
mod entry;
mod seen;
mod store;

pub use diff::Diff;
pub use entry::{Entry, HistoryView, page};
pub use seen::{Refusal, Stale};
pub use store::Subject;
