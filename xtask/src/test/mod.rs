//! What `cargo xtask test` starts, runs and counts.
