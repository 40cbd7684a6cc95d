//! The times over which failures are counted: quarters of an hour and days, by the clock. So each replica counts in the same
//! one, and it is known to the second when it ends. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long failures are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    Quarter,
    Day,
}

impl Window {
    const fn seconds(self) -> i64 {
        match self {
            Self::Quarter => 15 * 60,
            Self::Day => 24 * 60 * 60,
        }
    }

    /// Its length.
    pub(super) fn length(self) -> Duration {
        Duration::from_secs(self.seconds().unsigned_abs())
    }

    /// Which one `now` is in; later ones have higher numbers.
    pub(super) fn number(self, now: DateTime<Utc>) -> u32 {
        u32::try_from(now.timestamp() / self.seconds()).unwrap_or_default()
    }

    /// Time until the one of `now` ends: whole seconds, at least one.
    pub(super) fn left(self, now: DateTime<Utc>) -> Duration {
        let passed = now.timestamp().rem_euclid(self.seconds());
        Duration::from_secs((self.seconds() - passed).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_window_begins_when_this_one_ends() {
        for window in [Window::Quarter, Window::Day] {
            for time in [
                "2026-03-02T09:00:00Z",
                "2026-03-02T09:14:59.999Z",
                "2026-03-02T23:59:59Z",
            ] {
                let now: DateTime<Utc> = time.parse().expect("a time");
                let left = window.left(now);
                assert!(left <= window.length() && left >= Duration::from_secs(1));
                assert_eq!(window.number(now + left), window.number(now) + 1, "{time}");
                let before = now + left - Duration::from_secs(1);
                assert_eq!(window.number(before), window.number(now), "{time}");
            }
        }
    }
}
