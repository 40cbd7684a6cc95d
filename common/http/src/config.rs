//! Section `[http]`.

use common_config::{AppConfig, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// Bounds and secrets of the HTTP surface.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Key that signs list cursors; at least 32 characters, the same for all replicas.
    pub cursor_key: SecretRef,
    /// Most bytes of a request's body.
    #[serde(default = "body_limit_bytes")]
    pub body_limit_bytes: usize,
    /// Seconds after which a request is given up with 504.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// Proxies in front of this process whose `X-Forwarded-For` entries are believed.
    #[serde(default)]
    pub trusted_hops: usize,
}

fn body_limit_bytes() -> usize {
    256 * 1024
}

fn timeout_seconds() -> u64 {
    20
}

impl AppConfig for HttpConfig {
    const SECTION: &'static str = "http";
}
