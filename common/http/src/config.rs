//! Section `[http]`.

use std::num::NonZeroU32;

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
    /// Requests of one user in a minute that change nothing, over all processes of the role.
    pub reads_per_minute: NonZeroU32,
    /// All other requests of one user in a minute.
    pub writes_per_minute: NonZeroU32,
    /// Requests without a valid token from one network in a minute: an IPv4 address, or the /64 of an IPv6 address.
    pub anonymous_per_minute: NonZeroU32,
}

const READS: NonZeroU32 = NonZeroU32::new(1_200).unwrap();
const WRITES: NonZeroU32 = NonZeroU32::new(300).unwrap();
const ANONYMOUS: NonZeroU32 = NonZeroU32::new(300).unwrap();

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            cursor_key: None,
            body_limit_bytes: 256 * 1024,
            timeout_seconds: 20,
            trusted_hops: 0,
            reads_per_minute: READS,
            writes_per_minute: WRITES,
            anonymous_per_minute: ANONYMOUS,
        }
    }
}

impl AppConfig for HttpConfig {
    const SECTION: &'static str = "http";
}
