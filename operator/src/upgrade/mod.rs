//! The way of a Platform to another image, such that the former version serves until the new one does:
//!
//! 1. the new image tells its plan, which a person may have to approve;
//! 2. a Job applies the migrations that the former version works with too (`expand`);
//! 3. the roles roll, one after the other; when one does not start, all go back to the image before;
//! 4. when no pod of the former version is left, a Job applies the rest (`contract`).

mod admin_secret;
mod attempts;
mod failure;
mod former;
mod jobs;
mod loss;
mod plan;
mod release;
mod steps;

pub use steps::{look_after, looked_after, upgrade};

#[cfg(test)]
mod tests;
