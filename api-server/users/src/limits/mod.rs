//! Limits on failed sign-ins: per account, per address, and per pair of both.
//!
//! Whoever attacks an account must not shut its owner out. So a client that has signed in to the account before is known,
//! and has a budget of its own that nobody else can use up; all others are strangers, and share the account's. An account
//! that does not exist has the same budgets, and none of them starts anew for everybody because the owner signed in: a
//! stranger who watches them learns nothing. Decision 0024 has the reasons.

mod client;
mod counters;
mod window;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use common_cache::Cache;

use self::client::Names;
use self::counters::{Bucket, Counters, Hit};
use self::window::Window;
use crate::service::Client;
use crate::{Email, Error, UsersConfig};

/// The longest wait is the first one doubled so often.
const DOUBLINGS: u32 = 3;

pub(crate) struct LoginLimits {
    counters: Counters,
    /// Failures in a quarter of an hour without a wait, for an account and for a pair.
    slow_from: u64,
    per_pair: u64,
    per_address: u64,
    per_day: u64,
    first_wait: Duration,
    known_for: Duration,
}

/// One attempt, counted as failed until it is taken back.
pub(crate) struct Attempt {
    /// How long it waits before its password is looked at.
    pub(crate) wait: Duration,
    /// Whether the device that it names is one of the account.
    pub(crate) is_of_device: bool,
    names: Names,
    own: Hit,
    shared: Vec<Hit>,
}

impl LoginLimits {
    pub(crate) fn new(cache: Cache, config: &UsersConfig) -> Self {
        let days = config.session_days.saturating_add(config.known_client_days);
        let known_for = TimeDelta::try_days(days).and_then(|days| days.to_std().ok());
        let known_for = known_for.unwrap_or(Window::DAY.kept());
        Self {
            counters: Counters::new(cache, known_for),
            slow_from: config.failures_per_account,
            per_pair: config.failures_per_pair,
            per_address: config.failures_per_address,
            per_day: config.failures_per_day,
            first_wait: Duration::from_millis(config.slow_sign_in_milliseconds),
            known_for,
        }
    }

    /// How long a client stays known.
    pub(crate) fn known_for(&self) -> Duration {
        self.known_for
    }

    /// Counts an attempt before its password is looked at.
    ///
    /// # Errors
    /// [`Error::TooManyFailures`], with the time after which there is room again; such an attempt counts for nothing.
    pub(crate) async fn admit(
        &self,
        email: &Email,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Error> {
        let names = Names::new(email, client);
        let (is_of_device, is_of_address) = tokio::join!(
            self.is_known(names.device.as_deref()),
            self.is_known(names.pair.as_deref()),
        );
        let device = names.device.as_ref().filter(|_| is_of_device);
        let own = device.unwrap_or(&names.own);
        let own = Bucket {
            name: format!("{own}:failures"),
            window: Window::QUARTER,
        };
        let mut taken = Taken::default();
        let pair = self.take(&mut taken, own, self.per_pair, now).await;
        let account = if is_of_device || is_of_address {
            0
        } else {
            self.take_as_stranger(&mut taken, &names, now).await
        };
        let Taken { mut hits, refused } = taken;
        if let Some(after) = refused {
            self.take_back(&hits).await;
            return Err(Error::TooManyFailures { after });
        }
        Ok(Attempt {
            wait: self.wait(pair.max(account)),
            is_of_device,
            names,
            own: hits.swap_remove(0),
            shared: hits,
        })
    }

    /// The attempt succeeded: it was no failure, those of this client are forgotten, and the client is known from now on.
    pub(crate) async fn forgive(&self, attempt: &Attempt, device: &str) {
        self.counters.forget(&attempt.own).await;
        self.take_back(&attempt.shared).await;
        let device = attempt.names.of_device(device);
        for name in attempt.names.pair.iter().chain([&device]) {
            self.counters.mark(name, self.known_for).await;
        }
    }

    /// Nobody looked at the attempt's password: it counts for nothing.
    pub(crate) async fn withdraw(&self, attempt: &Attempt) {
        self.counters.take_back(&attempt.own).await;
        self.take_back(&attempt.shared).await;
    }

    /// Counts what strangers share; gives how often strangers failed at the account in the last quarter of an hour.
    async fn take_as_stranger(&self, taken: &mut Taken, names: &Names, now: DateTime<Utc>) -> u64 {
        let quarter = |name: &str| Bucket {
            name: name.to_owned(),
            window: Window::QUARTER,
        };
        if let Some(address) = &names.address {
            self.take(taken, quarter(address), self.per_address, now)
                .await;
        }
        // Who is over a limit of its own takes nothing from the account.
        if taken.refused.is_some() {
            return 0;
        }
        let day = Bucket {
            name: names.account.clone(),
            window: Window::DAY,
        };
        self.take(taken, day, self.per_day, now).await;
        let account = quarter(&names.account);
        self.take(taken, account, u64::MAX, now).await
    }

    /// Takes one from a bucket, and notes when it was over its limit; gives the sum.
    async fn take(&self, taken: &mut Taken, bucket: Bucket, limit: u64, now: DateTime<Utc>) -> u64 {
        let window = bucket.window;
        let hit = self.counters.hit(bucket, now).await;
        let sum = window.sum(hit.hits, now);
        if sum > limit {
            let mut without = hit.hits;
            without.present = without.present.saturating_sub(1);
            let after = window.room_after(without, limit, now);
            taken.refused = taken.refused.max(Some(after));
        }
        taken.hits.push(hit);
        sum
    }

    async fn take_back(&self, hits: &[Hit]) {
        for hit in hits {
            self.counters.take_back(hit).await;
        }
    }

    async fn is_known(&self, name: Option<&str>) -> bool {
        match name {
            Some(name) => self.counters.is_marked(name).await,
            None => false,
        }
    }

    /// One step for the first failure too many, twice as long for each further one.
    fn wait(&self, failures: u64) -> Duration {
        let Some(over) = failures.checked_sub(self.slow_from.saturating_add(1)) else {
            return Duration::ZERO;
        };
        let doublings = u32::try_from(over).unwrap_or(u32::MAX).min(DOUBLINGS);
        self.first_wait * 2_u32.pow(doublings)
    }
}

/// What an attempt has taken so far, the client's own first.
#[derive(Default)]
struct Taken {
    hits: Vec<Hit>,
    refused: Option<Duration>,
}
