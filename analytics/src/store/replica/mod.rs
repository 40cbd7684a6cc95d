//! Reads of the application's replica: the views `analytics_*` and nothing else.

mod access;
mod counts;
mod revocations;

pub(crate) use access::{Caller, Scope};
use sqlx::PgPool;

/// The pool with the reader's login.
#[derive(Debug, Clone)]
pub(crate) struct Replica(PgPool);

impl Replica {
    /// The replica behind `pool`.
    pub(crate) fn new(pool: PgPool) -> Self {
        Self(pool)
    }
}
