//! Section `[redis]`.

use std::path::PathBuf;

use common_config::{AppConfig, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// The Redis server and our part of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// `redis://` or `rediss://user:password@host:port`; the file may change while the process runs.
    pub url: SecretRef,
    /// PEM file of the authority that signed the server's certificate; those that browsers trust otherwise.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// First part of every key and channel.
    #[serde(default = "namespace")]
    pub namespace: String,
}

fn namespace() -> String {
    "crewdeck".to_owned()
}

impl AppConfig for CacheConfig {
    const SECTION: &'static str = "redis";
}
