//! Section `[outbound]`.

use common_config::AppConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// Bounds on requests that leave the process.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OutboundConfig {
    /// Hosts that may resolve to loopback or private addresses, exactly as written in URLs.
    pub private_hosts: Vec<String>,
    /// Seconds for a whole exchange.
    pub timeout_seconds: u64,
    /// Most bytes of an answer's body.
    pub max_body_bytes: usize,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            private_hosts: Vec::new(),
            timeout_seconds: 10,
            max_body_bytes: 64 * 1024,
        }
    }
}

impl AppConfig for OutboundConfig {
    const SECTION: &'static str = "outbound";
}
