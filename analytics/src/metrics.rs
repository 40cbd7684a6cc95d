//! Names of what this crate measures.

/// Counter: lookups of a summary in the cache, by `outcome`: `hit`, `miss`, `failed`.
pub(crate) const CACHE_LOOKUPS: &str = "analytics_cache_lookups_total";
/// Gauge: seconds that the replica was behind at the last look at ended sign-ins, twice a second: a summary may be what a
/// replica that is behind keeps from being made.
pub(crate) const REPLICA_LAG: &str = "analytics_replica_lag_seconds";
