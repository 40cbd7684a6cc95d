//! The three limits, and how answers tell of them.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};

use crate::{ApiError, HttpConfig, Kind};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// Seconds of a window.
const WINDOW: i64 = 60;

/// What is limited by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Class {
    /// Requests of a user that change nothing.
    Read,
    /// All others of theirs.
    Write,
    /// Requests without a valid token, of all sorts.
    Anonymous,
}

impl Class {
    /// In headers, in keys of Redis and as a label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Anonymous => "anonymous",
        }
    }
}

/// A limit.
pub(super) struct Policy {
    pub(super) class: Class,
    /// Requests a minute.
    pub(super) limit: u32,
    told: HeaderValue,
}

impl Policy {
    pub(super) fn new(class: Class, limit: NonZeroU32) -> Self {
        let text = format!("\"{}\";q={limit};w={WINDOW}", class.name());
        Self {
            class,
            limit: limit.get(),
            told: header(&text),
        }
    }

    /// Tells of the limit, and that so many requests are left until `minute` ends.
    pub(super) fn tell(&self, left: u32, minute: Minute, headers: &mut HeaderMap) {
        let name = self.class.name();
        let seconds = minute.left.as_secs();
        headers.insert(POLICY, self.told.clone());
        headers.insert(LIMIT, header(&format!("\"{name}\";r={left};t={seconds}")));
    }

    /// The answer to a request that is one too many.
    pub(super) fn refusal(&self, minute: Minute) -> ApiError {
        let (limit, seconds) = (self.limit, minute.left.as_secs());
        let what = match self.class {
            Class::Read => "requests that read",
            Class::Write => "requests that change something",
            Class::Anonymous => "requests without a valid token, of everybody at your address",
        };
        let detail =
            format!("{limit} {what} are taken in a minute; the next minute begins in {seconds} s");
        ApiError::new(Kind::RateLimited, "rate_limited", detail).with_retry_after(minute.left)
    }
}

/// The limits of a role.
pub(super) struct Policies {
    reads: Policy,
    writes: Policy,
    anonymous: Policy,
}

impl Policies {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            reads: Policy::new(Class::Read, config.reads_per_minute),
            writes: Policy::new(Class::Write, config.writes_per_minute),
            anonymous: Policy::new(Class::Anonymous, config.anonymous_per_minute),
        }
    }

    pub(super) fn of(&self, class: Class) -> &Policy {
        match class {
            Class::Read => &self.reads,
            Class::Write => &self.writes,
            Class::Anonymous => &self.anonymous,
        }
    }
}

/// A minute of the clock: each process counts in the same one, and knows when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Minute {
    /// Later ones have higher numbers.
    pub(super) number: i64,
    /// Time until it ends: whole seconds, 1 to 60.
    pub(super) left: Duration,
}

impl Minute {
    pub(super) fn of(now: DateTime<Utc>) -> Self {
        let seconds = now.timestamp();
        let left = WINDOW - seconds.rem_euclid(WINDOW);
        Self {
            number: seconds.div_euclid(WINDOW),
            left: Duration::from_secs(left.unsigned_abs()),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "words and numbers of our own are text of a header"
)]
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_ends_when_the_next_begins() {
        for time in [
            "2026-03-02T09:00:00Z",
            "2026-03-02T09:00:59.999Z",
            "1969-12-31T23:59:01Z",
        ] {
            let now: DateTime<Utc> = time.parse().expect("a time");
            let minute = Minute::of(now);
            assert!((1..=60).contains(&minute.left.as_secs()), "{time}");
            let next = Minute::of(now + minute.left);
            assert_eq!(next.number, minute.number + 1, "{time}");
            let last = Minute::of(now + minute.left - Duration::from_secs(1));
            assert_eq!(last.number, minute.number, "{time}");
        }
    }

    #[test]
    fn headers_are_those_of_the_draft() {
        let policy = Policy::new(Class::Read, NonZeroU32::new(1200).expect("not zero"));
        let minute = Minute::of("2026-03-02T09:00:02Z".parse().expect("a time"));
        let mut headers = HeaderMap::new();
        policy.tell(1199, minute, &mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"read\";q=1200;w=60");
        assert_eq!(headers["ratelimit"], "\"read\";r=1199;t=58");
    }
}
