//! Spans of time as people write and read them. Pure.

use std::str::FromStr;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `3m ago`, or `in 3m`.
pub(super) fn relative(at: &Time, now: Timestamp) -> String {
    let seconds = now.as_second() - at.0.as_second();
    if seconds < 0 {
        format!("in {}", span(-seconds))
    } else {
        format!("{} ago", span(seconds))
    }
}

/// `3m`: how long ago it was.
pub(super) fn age(at: &Time, now: Timestamp) -> String {
    span((now.as_second() - at.0.as_second()).max(0))
}

/// A span in one or two units, as kubectl has it.
fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => two(seconds, MINUTE, "m", 1, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds, HOUR, "h", MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds, DAY, "d", HOUR, "h"),
        _ => format!("{}d", seconds / DAY),
    }
}

fn two(seconds: i64, large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    match seconds % large / small {
        0 => format!("{}{large_unit}", seconds / large),
        rest => format!("{}{large_unit}{rest}{small_unit}", seconds / large),
    }
}

/// A span that a person gives: a whole number and a unit, such as `90s`, `15m`, `2h` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// Its length.
    pub(super) seconds: i64,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no span of time; give a whole number and s, m, h or d, such as 15m"
            )
        };
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => MINUTE,
            Some('h') => HOUR,
            Some('d') => DAY,
            _ => return Err(wrong()),
        };
        let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        match i64::from(number) * unit {
            0 => Err(wrong()),
            seconds => Ok(Self { seconds }),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "0s")]
    #[case(119, "119s")]
    #[case(150, "2m30s")]
    #[case(300, "5m")]
    #[case(3_599, "59m")]
    #[case(4 * HOUR + 5 * MINUTE, "4h5m")]
    #[case(30 * HOUR, "30h")]
    #[case(3 * DAY + HOUR, "3d1h")]
    #[case(400 * DAY, "400d")]
    fn a_span_has_two_units_at_most(#[case] seconds: i64, #[case] text: &str) {
        assert_eq!(span(seconds), text);
    }

    #[test]
    fn the_future_is_told_apart() {
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let at =
            |seconds: i64| Time(Timestamp::from_second(1_800_000_000 + seconds).expect("in range"));
        assert_eq!(relative(&at(-60), now), "60s ago");
        assert_eq!(relative(&at(60), now), "in 60s");
        assert_eq!(age(&at(60), now), "0s");
    }

    #[rstest]
    #[case("90s", Some(90))]
    #[case("15m", Some(900))]
    #[case("2h", Some(7_200))]
    #[case("1d", Some(86_400))]
    #[case("4294967295d", Some(4_294_967_295 * 86_400))]
    #[case("0s", None)]
    #[case("15", None)]
    #[case("-5m", None)]
    #[case("1.5h", None)]
    #[case("5µ", None)]
    #[case("m", None)]
    #[case("", None)]
    fn a_given_span_is_read(#[case] text: &str, #[case] seconds: Option<i64>) {
        assert_eq!(text.parse::<Span>().ok().map(|span| span.seconds), seconds);
    }
}
