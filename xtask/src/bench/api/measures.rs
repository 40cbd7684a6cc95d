//! The words of the table that goals look figures up by.

pub(super) const RATE: &str = "requests/s";
pub(super) const CPU: &str = "server µs";
pub(super) const DATABASE: &str = "PostgreSQL µs";
pub(super) const P50: &str = "p50 ms";
pub(super) const P99: &str = "p99 ms";
pub(super) const SLOWEST: &str = "slowest ms";

pub(super) const TAIL: &str = "list at half of its rate";
pub(super) const TOKEN: &str = "check of a token";
pub(super) const FIRST: &str = "new, µs";
pub(super) const AGAIN: &str = "remembered, µs";
pub(super) const COLD: &str = "cold start";
pub(super) const MEDIAN: &str = "median ms";
pub(super) const LEAST: &str = "least ms";
pub(super) const MEMORY: &str = "memory at its peak";
pub(super) const BEFORE: &str = "before sign-ins";
pub(super) const AFTER: &str = "after them, MiB";
