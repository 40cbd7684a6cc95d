//! Pauses between tries, per Platform. Pure: attempts and a draw in, a pause out.

use std::time::Duration;

use common_clock::Ids;

use crate::platform::Class;

/// A healthy Platform is looked at again after this long: drift on the servers sends no event.
pub const RESYNC: Duration = Duration::from_mins(1);
/// What is waited for is looked at again after this long at the latest.
const WAITING_CAP: Duration = Duration::from_secs(10);
const TRANSIENT_CAP: Duration = Duration::from_mins(1);

/// Tries after which the pause of [`Class::Terminal`] has reached its cap; they are counted no further.
pub const TERMINAL_TRIES: i64 = 8;

/// The pause after the `attempts`-th try in a row (from 1) that ended with `class`: doubles from half a second up
/// to the cap of its class, less a random fifth, so that Platforms that failed together do not come back together.
#[must_use]
pub fn pause(class: Class, attempts: u32, ids: &dyn Ids) -> Duration {
    let cap = match class {
        Class::Waiting => WAITING_CAP,
        Class::Transient => TRANSIENT_CAP,
        // Only a change of the spec or of what it names helps; the resync is for what sends no event.
        Class::Terminal => RESYNC,
    };
    let doubled = Duration::from_millis(500)
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(cap);
    let mut draw = [0_u8; 2];
    ids.fill(&mut draw);
    let fifth = doubled / 5;
    doubled.saturating_sub(fifth.mul_f64(f64::from(u16::from_be_bytes(draw)) / f64::from(u16::MAX)))
}

#[cfg(test)]
mod tests {
    use common_clock::SeededIds;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pause_is_never_nothing_and_never_above_its_cap(attempts in 0_u32..100, seed in any::<u64>()) {
            let ids = SeededIds::new(seed);
            for (class, cap) in [(Class::Waiting, WAITING_CAP), (Class::Transient, TRANSIENT_CAP), (Class::Terminal, RESYNC)] {
                let pause = pause(class, attempts, &ids);
                prop_assert!(pause >= Duration::from_millis(400) && pause <= cap);
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
}
