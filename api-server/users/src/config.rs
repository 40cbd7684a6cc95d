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
    /// Passwords hashed at the same time; each takes 46 MiB.
    pub password_slots: usize,
    /// Failed sign-ins per account in 15 minutes.
    pub failures_per_account: u64,
    /// Failed sign-ins per address in 15 minutes.
    pub failures_per_address: u64,
}

impl Default for UsersConfig {
    fn default() -> Self {
        Self {
            session_days: 30,
            password_slots: 1,
            failures_per_account: 10,
            failures_per_address: 100,
        }
    }
}

impl AppConfig for UsersConfig {
    const SECTION: &'static str = "users";
}
