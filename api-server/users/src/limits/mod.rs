//! Limits on failed sign-ins: per address, and per account in a budget of its own for each client that it is known from and
//! one for all others (ADR 0024).
//!
//! Counted in Redis for all replicas; while Redis is away, in this process. Never open.

mod local;
mod window;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use common_cache::Cache;
use common_clock::{SharedClock, SharedIds};
use common_http::Network;
use sha2::{Digest as _, Sha256};

use crate::{Email, Error, UsersConfig};
use local::Cells;
use window::Window;

/// How long a network stays known after somebody has signed in from it.
pub(crate) const KNOWN: TimeDelta = TimeDelta::days(90);

#[derive(Clone)]
pub(crate) struct LoginLimits {
    shared: Cache,
    quarters: Arc<Cells>,
    days: Arc<Cells>,
    clock: SharedClock,
    per_account: u64,
    per_account_daily: u64,
    per_address: u64,
}

/// One attempt and what it was counted in, as failed, until it turns out otherwise.
#[derive(Default)]
pub(crate) struct Attempt {
    /// In the client's own budget, if it has one.
    own: Option<Hit>,
    /// In what is shared with others.
    hits: Vec<Hit>,
    /// Redis has failed once during this attempt. It is not asked again: one that says nothing would be waited for each time.
    is_redis_away: bool,
}

struct Hit {
    name: String,
    window: Window,
    number: u32,
    /// Time until the window ends.
    left: Duration,
    /// Counted in this process alone.
    is_local: bool,
}

impl Hit {
    fn key(&self) -> String {
        format!("login:{}:{}", self.name, self.number)
    }
}

impl LoginLimits {
    pub(crate) fn new(
        shared: Cache,
        clock: SharedClock,
        ids: &SharedIds,
        config: &UsersConfig,
    ) -> Self {
        Self {
            shared,
            quarters: Arc::new(Cells::new(ids)),
            days: Arc::new(Cells::new(ids)),
            clock,
            per_account: config.failures_per_account,
            per_account_daily: config.failures_per_account_daily,
            per_address: config.failures_per_address,
        }
    }

    /// Counts an attempt for its address, before anything is looked up.
    pub(crate) async fn count_address(
        &self,
        attempt: &mut Attempt,
        network: Option<Network>,
    ) -> Result<(), Error> {
        let Some(network) = network else {
            return Ok(());
        };
        let name = format!("address:{network}");
        let (hit, count) = self.count(attempt, name, Window::Quarter).await;
        let over = (count > self.per_address).then_some(hit.left);
        attempt.hits.push(hit);
        refused(over)
    }

    /// Counts an attempt for its account, whether there is one or not, before the password is looked at. `known` is the
    /// network it comes from, where the account has been signed in to from there: it has a budget of its own then, which nobody
    /// elsewhere can use up.
    pub(crate) async fn count_account(
        &self,
        attempt: &mut Attempt,
        email: &Email,
        known: Option<Network>,
    ) -> Result<(), Error> {
        let account = URL_SAFE_NO_PAD.encode(Sha256::digest(email.as_str()));
        if let Some(network) = known {
            let name = format!("pair:{account}:{network}");
            let (hit, count) = self.count(attempt, name, Window::Quarter).await;
            let over = (count > self.per_account).then_some(hit.left);
            attempt.own = Some(hit);
            refused(over)?;
        }
        // Also where the client is known: what is left to the others tells nobody from where an account is used.
        let name = format!("account:{account}");
        let (hit, count) = self.count(attempt, name, Window::Quarter).await;
        let mut over = (count > self.per_account).then_some(hit.left);
        attempt.hits.push(hit);
        // Once the quarter is over, nobody unknown has a password looked at: that is no guess of the day.
        if over.is_none() {
            let name = format!("daily:{account}");
            let (hit, count) = self.count(attempt, name, Window::Day).await;
            over = (count > self.per_account_daily).then_some(hit.left);
            attempt.hits.push(hit);
        }
        if known.is_some() {
            return Ok(());
        }
        refused(over)
    }

    /// The attempt succeeded: its client starts anew, and what it shares with others has failed once less.
    pub(crate) async fn forgive(&self, mut attempt: Attempt) {
        match attempt.own.take() {
            Some(own) if !own.is_local && !attempt.is_redis_away => {
                if let Err(error) = self.shared.del(&own.key()).await {
                    attempt.is_redis_away = true;
                    tracing::warn!(%error, "failed sign-ins not forgotten");
                }
            }
            own => attempt.own = own,
        }
        self.withdraw(attempt).await;
    }

    /// The attempt came to nothing before its password was looked at: it has not failed.
    pub(crate) async fn withdraw(&self, attempt: Attempt) {
        let mut is_redis_away = attempt.is_redis_away;
        for hit in attempt.own.iter().chain(&attempt.hits) {
            if hit.is_local {
                self.cells(hit.window).take_back(&hit.name, hit.number);
            } else if !is_redis_away {
                let (key, length) = (hit.key(), hit.window.length());
                if let Err(error) = self.shared.decr_window(&key, length).await {
                    is_redis_away = true;
                    tracing::warn!(%error, "an attempt stays counted as failed");
                }
            }
        }
    }

    /// Counts one more of `name` in the window of now, and gives the sum.
    async fn count(&self, attempt: &mut Attempt, name: String, window: Window) -> (Hit, u64) {
        let now = self.clock.now();
        let mut hit = Hit {
            name,
            window,
            number: window.number(now),
            left: window.left(now),
            is_local: false,
        };
        if !attempt.is_redis_away {
            match self.shared.incr_window(&hit.key(), window.length()).await {
                Ok(count) => return (hit, count),
                Err(error) => {
                    attempt.is_redis_away = true;
                    tracing::warn!(%error, "counting failed sign-ins in this process");
                }
            }
        }
        hit.is_local = true;
        let count = self.cells(window).add(&hit.name, hit.number);
        (hit, count)
    }

    fn cells(&self, window: Window) -> &Cells {
        match window {
            Window::Quarter => &self.quarters,
            Window::Day => &self.days,
        }
    }
}

/// Refuses what is over its limit, until that has ended.
fn refused(over: Option<Duration>) -> Result<(), Error> {
    over.map_or(Ok(()), |wait| Err(Error::TooManyFailures { wait }))
}
