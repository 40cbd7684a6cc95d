//! Section `[http]`.

use common_config::{AppConfig, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// Bounds and secrets of the HTTP surface.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Key that signs list cursors; at least 32 characters, the same for all replicas. Only for a role with lists.
    pub cursor_key: Option<SecretRef>,
    /// Most bytes of a request's body.
    pub body_limit_bytes: usize,
    /// Seconds after which a request is given up with 504.
    pub timeout_seconds: u64,
    /// Proxies in front of this process whose `X-Forwarded-For` entries are believed.
    pub trusted_hops: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cursor_key: None,
            body_limit_bytes: 256 * 1024,
            timeout_seconds: 20,
            trusted_hops: 0,
        }
    }
}

impl AppConfig for HttpConfig {
    const SECTION: &'static str = "http";
}
