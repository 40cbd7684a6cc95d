//! The API server's clock, as its answers tell it: what waits for a time must not trust one clock alone.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::SharedClock;
use http::{HeaderMap, header};
use kube::{
    Client,
    client::{ClientBuilder, DynBody},
};
use tower::util::MapResponseLayer;

use crate::acts::ActsLayer;

/// Above this difference nothing that waits for a time is done. A `Date` has whole seconds, and an answer may take some.
const TOLERANCE: TimeDelta = TimeDelta::seconds(30);

/// How far the API server's clock is ahead of ours, by the `Date` of its last answer (RFC 9110, 6.6.1). Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ServerClock(Arc<AtomicI64>);

impl ServerClock {
    /// The difference, where it is too large to work with.
    #[must_use]
    pub fn skew(&self) -> Option<TimeDelta> {
        let ahead = TimeDelta::seconds(self.0.load(Ordering::Relaxed));
        (ahead.abs() > TOLERANCE).then_some(ahead)
    }

    /// The API server's time when ours is `now`.
    #[must_use]
    pub fn time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = TimeDelta::seconds(self.0.load(Ordering::Relaxed));
        now.checked_add_signed(ahead).unwrap_or(now)
    }

    /// Notes what an answer that came at `now` says.
    pub(crate) fn hear(&self, headers: &HeaderMap, now: DateTime<Utc>) {
        let date = headers
            .get(header::DATE)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        if let Some(date) = date {
            let ahead = (date.to_utc() - now).num_seconds();
            self.0.store(ahead, Ordering::Relaxed);
        }
    }

    /// A client whose answers are heard and whose acts are seen.
    ///
    /// # Errors
    /// When the configuration cannot be used, such as an unreadable certificate.
    pub(crate) fn client(&self, config: kube::Config, clock: SharedClock) -> kube::Result<Client> {
        let heard = self.clone();
        let hear = move |answer: http::Response<Box<DynBody>>| {
            heard.hear(answer.headers(), clock.now());
            answer
        };
        Ok(ClientBuilder::try_from(config)?
            .with_layer(&MapResponseLayer::new(hear))
            .with_layer(&ActsLayer)
            .build())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_counts_from_half_a_minute_on() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let clock = ServerClock::default();
        assert_eq!(clock.skew(), None);
        for (ahead, told) in [
            (30, None),
            (31, Some(31)),
            (-200_000, Some(-200_000)),
            (0, None),
        ] {
            let date = now + TimeDelta::seconds(ahead);
            let text = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let headers = HeaderMap::from_iter([(header::DATE, text.parse().expect("a value"))]);
            clock.hear(&headers, now);
            assert_eq!(clock.skew(), told.map(TimeDelta::seconds));
            assert_eq!(clock.time(now), date);
        }
        clock.hear(&HeaderMap::new(), now);
        assert_eq!(clock.skew(), None, "an answer without a date says nothing");
    }
}
