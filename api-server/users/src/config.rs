//! Section `[users]`.

use common_config::AppConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// Sign-in and sessions.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UsersConfig {
    /// Days after which a sign-in ends, however often it was refreshed.
    pub session_days: i64,
    /// Passwords hashed at the same time; each takes 46 MiB, and an imported hash up to 128 MiB until it is renewed. For each,
    /// 64 more may wait.
    pub password_slots: usize,
    /// Failed sign-ins per account in a quarter of an hour: from each network that it was signed in to from within 90 days, and
    /// from all others together.
    pub failures_per_account: u64,
    /// Failed sign-ins per account in a day, from networks that it is not known from.
    pub failures_per_account_daily: u64,
    /// Failed sign-ins per address (of IPv6, per /64) in a quarter of an hour.
    pub failures_per_address: u64,
}

impl Default for UsersConfig {
    fn default() -> Self {
        Self {
            session_days: 30,
            password_slots: 1,
            failures_per_account: 10,
            failures_per_account_daily: 100,
            failures_per_address: 100,
        }
    }
}

impl AppConfig for UsersConfig {
    const SECTION: &'static str = "users";
}
