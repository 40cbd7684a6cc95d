//! How many requests a caller may send in a minute: a user, by what they ask for, or whoever has no valid token, by network.
//!
//! Counted in Redis for all replicas of a role together, in leases ([`budget`]); while Redis is away, in this process. Never
//! open, and nobody waits for a Redis that is silent, but for one request now and then (ADR 0034).

mod budget;
mod policy;
mod shared;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, Method};
use chrono::{DateTime, Utc};
use common_cache::Cache;
use common_clock::SharedClock;
use uuid::Uuid;

use crate::{ApiError, HttpConfig, Network};
use budget::{Budget, Spent};
use policy::{Class, Minute, Policies, Policy};
use shared::Shared;

/// Counter: requests that were refused, being too many. Label `policy`.
const REFUSED: &str = "http_rate_limited_total";
/// Counter: leases that were taken. Labels `policy`, and `from`: `redis`, or `process` while Redis is away.
const LEASES: &str = "http_rate_limit_leases_total";

/// Callers whose budgets a process knows. Of one that it has forgotten, Redis still knows the leases.
const KNOWN: u64 = 20_000;
/// A budget that nobody has spent from for so long is of a minute that is over.
const IDLE: Duration = Duration::from_mins(2);

/// Who a request is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// Somebody with a valid token.
    User(Uuid),
    /// Somebody without one, at a known address.
    Network(Network),
    /// Somebody without one, where the server knows no addresses.
    Somebody,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Network(network) => write!(f, "{network}"),
            Self::Somebody => f.write_str("somebody"),
        }
    }
}

/// The limits of a role; clones share what was counted.
#[derive(Clone)]
pub struct Limiter(Arc<Limits>);

struct Limits {
    policies: Policies,
    shared: Shared,
    clock: SharedClock,
    budgets: moka::future::Cache<(Class, Caller), Arc<Entry>>,
}

struct Entry {
    budget: Mutex<Budget>,
    /// One request asks for all that wait for a lease.
    asking: tokio::sync::Mutex<()>,
}

impl Entry {
    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spends one request, and tells from which minute.
    fn spend(&self, minute: Minute) -> (Spent, i64) {
        let mut budget = self.budget();
        let spent = budget.spend(minute.number);
        (spent, budget.minute())
    }
}

/// A request that was counted.
pub(crate) struct Counted<'a> {
    policy: &'a Policy,
    entry: Arc<Entry>,
    /// Number of the minute that it was spent from.
    number: i64,
    minute: Minute,
    left: Option<u32>,
}

impl Limiter {
    /// Limits by `config`, counted in `cache`: the processes whose keys have the same namespace share them. It may be filled
    /// later or never; meanwhile this process counts by itself.
    #[must_use]
    pub fn new(config: &HttpConfig, cache: Arc<OnceLock<Cache>>, clock: SharedClock) -> Self {
        Self::with(config, cache, clock, shared::WAIT)
    }

    /// The same with another patience than 100 ms: a machine that is busy with tests may take longer to answer.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn patient(
        config: &HttpConfig,
        cache: Arc<OnceLock<Cache>>,
        clock: SharedClock,
        wait: Duration,
    ) -> Self {
        Self::with(config, cache, clock, wait)
    }

    fn with(
        config: &HttpConfig,
        cache: Arc<OnceLock<Cache>>,
        clock: SharedClock,
        wait: Duration,
    ) -> Self {
        Self(Arc::new(Limits {
            policies: Policies::new(config),
            shared: Shared::new(cache, wait),
            clock,
            budgets: moka::future::Cache::builder()
                .max_capacity(KNOWN)
                .time_to_idle(IDLE)
                .build(),
        }))
    }

    /// Counts a request of `caller`.
    pub(crate) async fn count(&self, caller: Caller, method: &Method) -> Counted<'_> {
        let Limits {
            policies, clock, ..
        } = &*self.0;
        let class = match caller {
            Caller::User(_) if method.is_safe() => Class::Read,
            Caller::User(_) => Class::Write,
            Caller::Network(_) | Caller::Somebody => Class::Anonymous,
        };
        let policy = policies.of(class);
        let now = clock.now();
        let minute = Minute::of(now);
        let entry = self.entry(policy, caller, minute).await;
        let (left, number) = loop {
            let (spent, number) = entry.spend(minute);
            match spent {
                Spent::Within(left) => break (Some(left), number),
                Spent::Over => break (None, number),
                Spent::Out => self.lease(policy, caller, &entry, number, now).await,
            }
        };
        if left.is_none() {
            metrics::counter!(REFUSED, "policy" => class.name()).increment(1);
        }
        Counted {
            policy,
            entry,
            number,
            minute,
            left,
        }
    }

    async fn entry(&self, policy: &Policy, caller: Caller, minute: Minute) -> Arc<Entry> {
        let key = (policy.class, caller);
        if let Some(entry) = self.0.budgets.get(&key).await {
            return entry;
        }
        let new = async {
            Arc::new(Entry {
                budget: Mutex::new(Budget::new(minute.number, policy.limit)),
                asking: tokio::sync::Mutex::default(),
            })
        };
        self.0.budgets.get_with(key, new).await
    }

    /// Takes a lease of a minute for `entry`, from Redis if it answers.
    async fn lease(
        &self,
        policy: &Policy,
        caller: Caller,
        entry: &Entry,
        number: i64,
        now: DateTime<Utc>,
    ) {
        let (shared, class) = (&self.0.shared, policy.class.name());
        let mut nth = None;
        if !shared.is_away(now) {
            let _one = entry.asking.lock().await;
            // What another one has got while this one waited for its turn is there for both.
            if !entry.budget().is_out(number) {
                return;
            }
            nth = shared
                .count(&format!("limit:{class}:{caller}:{number}"), now)
                .await;
            // Before the next one looks.
            if let Some(nth) = nth {
                entry.budget().lease(number, nth);
            }
        }
        let from = if nth.is_some() {
            "redis"
        } else {
            entry.budget().lease_alone(number);
            "process"
        };
        metrics::counter!(LEASES, "policy" => class, "from" => from).increment(1);
    }
}

impl Counted<'_> {
    /// The answer, if the request is one too many.
    pub(crate) fn refusal(&self) -> Option<ApiError> {
        self.left
            .is_none()
            .then(|| self.policy.refusal(self.minute))
    }

    /// It cost nothing: another one may come in its place.
    pub(crate) fn give_back(&mut self) {
        if self.left.is_some() {
            self.left = Some(self.entry.budget().give_back(self.number));
        }
    }

    /// Tells the caller of the limit.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let left = self.left.unwrap_or_default();
        self.policy.tell(left, self.minute, headers);
    }
}
