//! How long each state of a key lasts. Pure.

use chrono::TimeDelta;
use crds::SigningSpec;

/// The times of `spec.signing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// From one activation to the next.
    pub period: TimeDelta,
    /// From publication to activation, at least.
    pub lead: TimeDelta,
    /// From the last signature to the removal, at least.
    pub retention: TimeDelta,
    /// Longest life of a token.
    pub token: TimeDelta,
    /// How long a verifier outside of the Platform may keep a key set.
    pub cache: TimeDelta,
    /// Tolerance between two clocks.
    pub skew: TimeDelta,
    /// How long a changed key set takes into the pods.
    pub propagation: TimeDelta,
}

/// How long a removed key is remembered, so that no backup brings it back.
pub(super) const TOMBSTONE: TimeDelta = TimeDelta::days(400);

impl Timings {
    /// What a key needs between its publication and its first signature: until everybody has a key set with it. The rules
    /// of the resource ask for no less; a resource from before them, or a server without them, changes nothing.
    #[must_use]
    pub fn lead_for(&self) -> TimeDelta {
        self.lead
            .max(sum([self.cache, self.propagation, self.skew]))
    }

    /// What a key needs after its last signature when its tokens may live this long: until the last one has ended
    /// everywhere, and everybody has a key set without it.
    #[must_use]
    pub fn retention_for(&self, token_seconds: u64) -> TimeDelta {
        let token = seconds(i64::try_from(token_seconds).unwrap_or(i64::MAX));
        let needed = sum([token, self.skew, self.cache, self.propagation]);
        self.retention.max(needed)
    }

    /// Seconds that a token lives.
    #[must_use]
    pub fn token_seconds(&self) -> u64 {
        self.token.num_seconds().unsigned_abs()
    }

    /// After this long without the newest key set a process counts as stuck.
    #[must_use]
    pub fn stuck_after(&self) -> TimeDelta {
        self.propagation.checked_mul(3).unwrap_or(TimeDelta::MAX)
    }

    /// When a rotation counts as overdue: a tenth of a period after its date.
    #[must_use]
    pub fn overdue_after(&self) -> TimeDelta {
        self.period
            .checked_add(&(self.period / 10))
            .unwrap_or(TimeDelta::MAX)
    }
}

impl From<&SigningSpec> for Timings {
    fn from(spec: &SigningSpec) -> Self {
        Self {
            period: seconds(spec.rotation_period_seconds),
            lead: seconds(spec.publish_lead_seconds),
            retention: seconds(spec.retention_seconds),
            token: seconds(spec.access_token_seconds),
            cache: seconds(spec.jwks_max_age_seconds),
            skew: seconds(spec.clock_skew_seconds),
            propagation: seconds(spec.propagation_seconds),
        }
    }
}

fn sum(parts: impl IntoIterator<Item = TimeDelta>) -> TimeDelta {
    parts.into_iter().fold(TimeDelta::zero(), |sum, part| {
        sum.checked_add(&part).unwrap_or(TimeDelta::MAX)
    })
}

fn seconds(value: i64) -> TimeDelta {
    TimeDelta::try_seconds(value).unwrap_or(TimeDelta::MAX)
}
