//! Section `[database]`.

use common_config::{AppConfig, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// The application's database.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/database?sslmode=…` of the primary.
    pub url: SecretRef,
    /// The same for a replica; without it reads go to the primary.
    #[serde(default)]
    pub replica_url: Option<SecretRef>,
    /// Connections per pool.
    #[serde(default = "max_connections")]
    pub max_connections: u32,
    /// Milliseconds after which the server cancels a statement.
    #[serde(default = "statement_timeout_ms")]
    pub statement_timeout_ms: u64,
}

fn max_connections() -> u32 {
    10
}

fn statement_timeout_ms() -> u64 {
    15_000
}

impl AppConfig for DatabaseConfig {
    const SECTION: &'static str = "database";
}
