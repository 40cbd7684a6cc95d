//! The SQL of this crate: on schema `gw` (of `graphile_worker`) and on `job_runs`, `job_starts`, `schedule_slots` of the
//! database that the pool is connected to. The private tables of `gw` are those of the migrations that `tests/it/schema.rs` pins.

pub mod history;
pub(crate) mod migrate;
pub mod parked;
pub(crate) mod queue;
pub(crate) mod slots;
