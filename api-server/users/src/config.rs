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
    /// Milliseconds that a password waits for a slot at most; then the answer is 503.
    pub password_wait_milliseconds: u64,
    /// Failed sign-ins per account in 15 minutes, of all strangers together and of each known client; further ones are
    /// made to wait.
    pub failures_per_account: u64,
    /// Failed sign-ins per account and address, or known device, in 15 minutes; further ones are refused.
    pub failures_per_pair: u64,
    /// Failed sign-ins per address in 15 minutes; further ones are refused, but for accounts that know the client.
    pub failures_per_address: u64,
    /// Failed sign-ins per account in a day by strangers together; further ones of strangers are refused.
    pub failures_per_day: u64,
    /// Milliseconds that the first sign-in over `failures_per_account` waits; each further one waits twice as long, at
    /// most eight times so long. With the wait for a password slot it must stay below `http.timeout_seconds`.
    pub slow_sign_in_milliseconds: u64,
    /// Days that an account knows a client after the sign-in that showed it has ended: its failures are its own.
    pub known_client_days: i64,
}

impl Default for UsersConfig {
    fn default() -> Self {
        Self {
            session_days: 30,
            password_slots: 1,
            password_wait_milliseconds: 3000,
            failures_per_account: 10,
            failures_per_pair: 20,
            failures_per_address: 100,
            failures_per_day: 100,
            slow_sign_in_milliseconds: 1000,
            known_client_days: 30,
        }
    }
}

impl AppConfig for UsersConfig {
    const SECTION: &'static str = "users";
}
