//! How many there were in the time just gone, from two numbers: those of the present span and of the one before. Pure.
//!
//! Spans have fixed ends, so that each is one counter; the former one fades out as the present one passes. A limit so holds
//! at every moment, not only from one end to the next.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A time that is counted over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    seconds: u64,
}

/// What was counted in the present span and in the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hits {
    pub(super) present: u64,
    pub(super) former: u64,
}

impl Window {
    pub(super) const QUARTER: Self = Self { seconds: 15 * 60 };
    pub(super) const DAY: Self = Self {
        seconds: 24 * 60 * 60,
    };

    /// For how long a counter is kept: it is the present one, and then the former one.
    pub(super) fn kept(self) -> Duration {
        Duration::from_secs(2 * self.seconds)
    }

    /// The number of the present span.
    pub(super) fn span(self, now: DateTime<Utc>) -> u64 {
        seconds(now) / self.seconds
    }

    /// How many there were in the time just gone, rounded up.
    pub(super) fn sum(self, hits: Hits, now: DateTime<Utc>) -> u64 {
        let left = self.seconds - seconds(now) % self.seconds;
        let former = hits.former.saturating_mul(left).div_ceil(self.seconds);
        hits.present.saturating_add(former)
    }

    /// How long until there is room for one more under `limit`, if nobody takes it.
    pub(super) fn room_after(self, hits: Hits, limit: u64, now: DateTime<Utc>) -> Duration {
        let gone = seconds(now) % self.seconds;
        let wait = if hits.present < limit {
            let fades = self.fades_to(hits.former, limit - 1 - hits.present);
            fades.saturating_sub(gone)
        } else {
            // Only once the present span is the former one.
            self.seconds - gone + self.fades_to(hits.present, limit.saturating_sub(1))
        };
        Duration::from_secs(wait)
    }

    /// The second of a span from which on `former` counts for no more than `room`.
    fn fades_to(self, former: u64, room: u64) -> u64 {
        let still = room.saturating_mul(self.seconds).checked_div(former);
        self.seconds.saturating_sub(still.unwrap_or(self.seconds))
    }
}

fn seconds(now: DateTime<Utc>) -> u64 {
    u64::try_from(now.timestamp()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> DateTime<Utc> {
        let seconds = i64::try_from(seconds).expect("in range");
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("in range")
    }

    #[test]
    fn the_former_span_fades_out() {
        let window = Window::QUARTER;
        let hits = Hits {
            present: 2,
            former: 9,
        };
        assert_eq!(window.sum(hits, at(0)), 11);
        assert_eq!(window.sum(hits, at(450)), 7);
        assert_eq!(window.sum(hits, at(899)), 3);
        assert_eq!(window.span(at(900)), window.span(at(899)) + 1);
    }

    /// Whether one more is within the limit `wait` seconds later, when nothing was counted meanwhile.
    fn has_room(hits: Hits, limit: u64, gone: u64, wait: u64) -> bool {
        let window = Window::QUARTER;
        let later = at(gone + wait);
        let hits = match window.span(later) - window.span(at(gone)) {
            0 => hits,
            1 => Hits {
                present: 0,
                former: hits.present,
            },
            _ => Hits::default(),
        };
        window.sum(hits, later) < limit
    }

    #[test]
    fn the_wait_that_is_told_is_the_shortest_that_helps() {
        for limit in [1, 2, 10] {
            for (present, former) in [
                (0, 0),
                (0, 10),
                (3, 9),
                (1, 1),
                (9, 9),
                (10, 0),
                (10, 10),
                (13, 2),
            ] {
                for gone in [0, 1, 333, 899] {
                    let hits = Hits { present, former };
                    let wait = Window::QUARTER.room_after(hits, limit, at(gone)).as_secs();
                    let case = format!("{present}+{former} of {limit} after {gone}: {wait}");
                    assert!(has_room(hits, limit, gone, wait), "{case}");
                    assert!(
                        wait == 0 || !has_room(hits, limit, gone, wait - 1),
                        "{case}"
                    );
                }
            }
        }
    }
}
