//! What `cargo xtask check` proves, one rule per file.
