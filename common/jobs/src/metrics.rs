//! Names of the metrics of this crate.

/// Counter: attempts by outcome. Labels `job`, `queue`, `outcome` (`succeeded`, `failed`, `parked`).
pub(crate) const ATTEMPTS: &str = "jobs_attempts_total";
/// Histogram: length of an attempt. Labels `job`, `queue`.
pub(crate) const DURATION: &str = "jobs_attempt_duration_seconds";
/// Counter: jobs taken over from dead workers. Label `started` (`true`: the attempt counts).
pub(crate) const RECOVERED: &str = "jobs_recovered_total";
/// Counter: slots enqueued by this process. Label `schedule`.
pub(crate) const SLOTS: &str = "jobs_schedule_slots_total";
/// Gauge: age of the oldest job that could run and does not. Label `queue`. Absent while it cannot be measured.
pub(crate) const OLDEST: &str = "jobs_oldest_runnable_seconds";
/// Gauge: the same over every queue that this process serves, without a label. What an autoscaler follows: it is told one
/// value of a pod, for which an adapter adds up those of all labels. Absent unless every queue was measured.
pub(crate) const LONGEST_WAIT: &str = "jobs_longest_wait_seconds";
