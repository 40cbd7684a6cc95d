//! Section `[service]`.

use std::net::SocketAddr;

use common_config::AppConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where a role listens, and how long it may take to stop.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceConfig {
    /// Address of the role's own port.
    pub listen: SocketAddr,
    /// Address of the second port: probes, metrics, internal state. Never exposed to users.
    pub probe_listen: SocketAddr,
    /// Seconds that running work may take after a stop was asked for.
    pub drain_seconds: u64,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8000)),
            probe_listen: SocketAddr::from(([0, 0, 0, 0], 9000)),
            drain_seconds: 20,
        }
    }
}

impl AppConfig for ServiceConfig {
    const SECTION: &'static str = "service";
}
