//! The operator: what it decides about a Platform's signing keys.

pub mod keys;
