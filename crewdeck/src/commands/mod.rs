//! Commands that need more than one crate, or only print.

pub(crate) mod config;
pub(crate) mod dev;
pub(crate) mod keys;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod platform;
pub(crate) mod schemas;
pub(crate) mod smoke;
pub(crate) mod users;
