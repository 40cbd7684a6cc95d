//! Whether a step that failed is tried again: `(try, its failure, now) → Next`. Pure.

use chrono::{DateTime, TimeDelta, Utc};

/// Tries of a step before a person has to look.
pub(super) const MOST: u32 = 3;

/// What to do about a step that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again now.
    Now,
    /// Try again then.
    At(DateTime<Utc>),
    /// No try helps; a person has to look.
    Never,
}

/// What to do after try `number` (from 1), which ended at `ended`; `transient` when the same may succeed a little later.
pub(super) fn next(number: u32, transient: bool, ended: DateTime<Utc>, now: DateTime<Utc>) -> Next {
    if !transient || number >= MOST {
        return Next::Never;
    }
    let at = ended + pause(number);
    if at <= now { Next::Now } else { Next::At(at) }
}

/// Between a try and the next: 5 s, then 15 s.
fn pause(number: u32) -> TimeDelta {
    TimeDelta::seconds(5 * 3_i64.pow(number.saturating_sub(1).min(MOST)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn after(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("in range")
    }

    #[rstest]
    #[case::wrong_statement(1, false, 60, Next::Never)]
    #[case::killed_just_now(1, true, 0, Next::At(after(5)))]
    #[case::killed_a_while_ago(1, true, 5, Next::Now)]
    #[case::killed_twice(2, true, 5, Next::At(after(15)))]
    #[case::killed_every_time(3, true, 600, Next::Never)]
    fn tries_are_bounded(
        #[case] number: u32,
        #[case] transient: bool,
        #[case] seconds: i64,
        #[case] expected: Next,
    ) {
        assert_eq!(next(number, transient, after(0), after(seconds)), expected);
    }
}
