//! Names of the metrics of this crate.

/// Counter: events confirmed by the broker. Label `topic`.
pub(crate) const RELAYED: &str = "events_relayed_total";
/// Counter: batches that could not be published. Label `topic`.
pub(crate) const RELAY_ERRORS: &str = "events_relay_errors_total";
/// Gauge: age of the oldest event that is recorded and not yet published.
pub(crate) const RELAY_LAG: &str = "events_relay_lag_seconds";
/// Gauge: 1 in the process whose relay holds the lock.
pub(crate) const RELAY_ACTIVE: &str = "events_relay_active";
/// Counter: failed attempts to receive. Label `transport`.
pub(crate) const RECEIVE_ERRORS: &str = "events_receive_errors_total";
/// Counter: events by outcome. Labels `consumer`, `topic`, `outcome` (`handled`, `retried`, `dead_letter`).
pub(crate) const CONSUMED: &str = "events_consumed_total";
/// Histogram: from record to commit of the effect. Label `consumer`.
pub(crate) const CONSUME_LATENCY: &str = "events_consume_latency_seconds";
