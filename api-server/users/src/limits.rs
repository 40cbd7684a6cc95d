//! Limits on failed sign-ins: per account and per address.
//!
//! Counted in Redis for all replicas; while Redis is away, in this process. Never open.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common_cache::Cache;
use moka::future::Cache as Local;
use sha2::{Digest as _, Sha256};

use crate::{Email, Error, UsersConfig};

/// Failures are counted over this time.
pub(crate) const WINDOW: Duration = Duration::from_mins(15);
/// Accounts and addresses that this process remembers while Redis is away.
const REMEMBERED: u64 = 10_000;

#[derive(Clone)]
pub(crate) struct LoginLimits {
    shared: Cache,
    local: Local<String, Arc<AtomicU64>>,
    per_account: u64,
    per_address: u64,
}

/// One attempt, counted as failed until it is forgiven.
pub(crate) struct Attempt {
    account: String,
    address: Option<String>,
}

impl LoginLimits {
    pub(crate) fn new(shared: Cache, config: &UsersConfig) -> Self {
        Self {
            shared,
            local: Local::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(WINDOW)
                .build(),
            per_account: config.failures_per_account,
            per_address: config.failures_per_address,
        }
    }

    /// Counts an attempt before its password is looked at.
    pub(crate) async fn admit(
        &self,
        email: &Email,
        address: Option<IpAddr>,
    ) -> Result<Attempt, Error> {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(email.as_str().as_bytes()));
        let account = format!("login:account:{digest}");
        let mut over = self.count(&account).await > self.per_account;
        let address = address.map(|address| format!("login:address:{address}"));
        if let Some(address) = &address {
            over |= self.count(address).await > self.per_address;
        }
        if over {
            return Err(Error::TooManyFailures);
        }
        Ok(Attempt { account, address })
    }

    /// The attempt succeeded: the account starts anew, and the address, which others may share, has failed once less.
    pub(crate) async fn forgive(&self, attempt: Attempt) {
        self.local.invalidate(&attempt.account).await;
        if let Err(error) = self.shared.del(&attempt.account).await {
            tracing::warn!(%error, "failed sign-ins not forgotten");
        }
        let Some(address) = attempt.address else {
            return;
        };
        if let Err(error) = self.shared.decr_window(&address, WINDOW).await {
            tracing::warn!(%error, "a sign-in stays counted as failed for its address");
            if let Some(counter) = self.local.get(&address).await {
                let less = |count: u64| count.checked_sub(1);
                let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            }
        }
    }

    async fn count(&self, key: &str) -> u64 {
        match self.shared.incr_window(key, WINDOW).await {
            Ok(count) => count,
            Err(error) => {
                tracing::warn!(%error, "counting failed sign-ins in this process");
                let fresh = async { Arc::new(AtomicU64::new(0)) };
                let counter = self.local.get_with(key.to_owned(), fresh).await;
                counter.fetch_add(1, Ordering::Relaxed) + 1
            }
        }
    }
}
