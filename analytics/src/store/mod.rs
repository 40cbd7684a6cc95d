//! All SQL of analytics, split by database: a function of one half cannot be given the other's pool.

pub(crate) mod own;
pub(crate) mod replica;
