//! Analytics' own tables, in schema `analytics`.

mod count;
mod days;
mod forget;

use sqlx::PgPool;

/// The pool with the owner's login.
#[derive(Debug, Clone)]
pub(crate) struct Own(PgPool);

impl Own {
    /// The own database behind `pool`.
    pub(crate) fn new(pool: PgPool) -> Self {
        Self(pool)
    }
}
