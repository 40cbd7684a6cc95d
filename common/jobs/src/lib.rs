//! Background work: jobs on PostgreSQL, enqueued in the transaction that needs them, run at least once, with an effect
//! that happens once; and schedules.
//!
//! A *job* is background work; a *task* is always the business object. The queue is `graphile_worker` in schema `gw`;
//! nothing outside this crate names it.
//!
//! ```text
//! service ─▶ enqueue (transaction) ─▶ gw ─▶ Workers (one pool per Queue) ─▶ Job::run ─▶ JobContext::finish (transaction)
//! beat ─▶ schedule_slots + enqueue (transaction) ─▶ …
//! ```

pub mod beat;
mod context;
mod error;
mod hooks;
mod job;
mod metrics;
mod schedule;
mod store;
mod turns;
mod waiting;
mod workers;

pub use context::JobContext;
pub use error::JobError;
pub use job::{EnqueueOptions, Job, Queue, enqueue};
pub use schedule::{Missed, Schedule};
pub use store::{
    history,
    migrate::{Outdated, migrate, plan},
    parked,
};
pub use turns::Turns;
pub use workers::Workers;
