//! Pauses between tries, of a Platform and of a watch: attempts and a draw in, a pause out.

use std::time::Duration;

use common_clock::{Ids, SharedIds};
use kube::runtime::utils::Backoff;
use tokio::time::Instant;

use crate::platform::Class;

/// A healthy Platform is looked at again after this long: drift on the servers sends no event.
pub const RESYNC: Duration = Duration::from_mins(1);
/// What is waited for is looked at again after this long at the latest.
const WAITING_CAP: Duration = Duration::from_secs(10);
const TRANSIENT_CAP: Duration = Duration::from_mins(1);

/// Longest pause of a pass that could not tell its outcome, which is so while the API server is away: this long at most
/// until all goes on after it has come back.
const UNTOLD_CAP: Duration = Duration::from_secs(15);

/// The pause after the `attempts`-th try in a row (from 1) that ended with `class`: doubles from half a second up
/// to the cap of its class, less a random fifth, so that Platforms that failed together do not come back together. After
/// what is terminal nothing is tried, and what wakes the operator is not waited for: both are looked at as regularly as what
/// stands.
#[must_use]
pub fn pause(class: Class, attempts: u32, ids: &dyn Ids) -> Duration {
    match class {
        Class::Waiting => doubled(WAITING_CAP, attempts, ids),
        Class::Transient => doubled(TRANSIENT_CAP, attempts, ids),
        // Only a change of the spec or of what it names helps, and both wake the operator; the regular look is for what
        // sends no event, such as a quota.
        Class::Terminal | Class::Told => doubled(RESYNC, u32::MAX, ids),
    }
}

/// The pause after a pass that could not even tell its outcome.
#[must_use]
pub fn pause_untold(attempts: u32, ids: &dyn Ids) -> Duration {
    doubled(UNTOLD_CAP, attempts, ids)
}

/// The pause after the `attempts`-th failure in a row (from 1): doubles from half a second up to `cap`, less a random
/// fifth.
#[must_use]
pub fn doubled(cap: Duration, attempts: u32, ids: &dyn Ids) -> Duration {
    let doubled = Duration::from_millis(500)
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(cap);
    let mut draw = [0_u8; 2];
    ids.fill(&mut draw);
    let fifth = doubled / 5;
    doubled.saturating_sub(fifth.mul_f64(f64::from(u16::from_be_bytes(draw)) / f64::from(u16::MAX)))
}

/// The pauses of a watch that fails. Each attempt of one begins well, with the news that a list begins, and only then fails:
/// so it is time that makes it a new row of failures, and not success.
pub(crate) struct WatchPauses {
    ids: SharedIds,
    failures: u32,
    last: Option<Instant>,
}

impl WatchPauses {
    /// Longest pause. After the API server was away, this long at most until its watches stand again.
    const CAP: Duration = Duration::from_secs(10);

    /// Nothing has failed yet.
    pub(crate) fn new(ids: SharedIds) -> Self {
        Self {
            ids,
            failures: 0,
            last: None,
        }
    }
}

impl Iterator for WatchPauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let now = Instant::now();
        if self.last.is_some_and(|last| now - last > Self::CAP * 3) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        Some(doubled(Self::CAP, self.failures, self.ids.as_ref()))
    }
}

impl Backoff for WatchPauses {
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use common_clock::SeededIds;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_is_never_nothing_and_never_above_its_cap(attempts in 0_u32..100, seed in any::<u64>()) {
            let ids = SeededIds::new(seed);
            for (class, cap) in [(Class::Waiting, WAITING_CAP), (Class::Transient, TRANSIENT_CAP), (Class::Told, RESYNC), (Class::Terminal, RESYNC)] {
                let pause = pause(class, attempts, &ids);
                prop_assert!(pause >= Duration::from_millis(400) && pause <= cap);
            }
        }
    }

    #[test]
    fn what_is_terminal_or_is_told_is_not_tried_again_soon() {
        let ids = SeededIds::new(7);
        for attempts in [1, 2, 8] {
            for class in [Class::Terminal, Class::Told] {
                assert!(pause(class, attempts, &ids) >= RESYNC * 4 / 5);
            }
        }
    }

    #[test]
    fn pauses_grow_and_differ() {
        let ids = SeededIds::new(7);
        let first = pause(Class::Transient, 1, &ids);
        let fifth = pause(Class::Transient, 5, &ids);
        assert!(
            first < Duration::from_millis(501) && fifth > Duration::from_secs(6),
            "{first:?} {fifth:?}"
        );
        assert_ne!(
            pause(Class::Transient, 8, &ids),
            pause(Class::Transient, 8, &ids)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_fails_again_and_again_pauses_longer_and_begins_anew_after_a_while() {
        let mut pauses = WatchPauses::new(Arc::new(SeededIds::new(7)));
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            last = pauses.next().expect("never given up");
            // A list that begins is no success.
            pauses.reset();
            tokio::time::advance(last).await;
        }
        assert!(last >= WatchPauses::CAP * 4 / 5, "{last:?}");
        tokio::time::advance(WatchPauses::CAP * 4).await;
        let first = pauses.next().expect("never given up");
        assert!(first <= Duration::from_millis(500), "{first:?}");
    }
}
