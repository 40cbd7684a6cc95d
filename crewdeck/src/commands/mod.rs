//! Commands that need more than one crate, or only print.

pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod schemas;
pub(crate) mod smoke;
