//! Section `[operator]` of the configuration.

use common_config::AppConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the role `operator` needs to know.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OperatorConfig {
    /// Name of this cluster. Part of every name on the servers, so that two clusters can share them.
    pub cluster_name: String,
    /// Namespace of the Lease that elects one leader; the operator's own.
    pub lease_namespace: String,
    /// Namespaces whose Platforms are looked after; none named means all. Each kind of object is watched in each of them, and
    /// nothing is asked of others.
    pub watch_namespaces: Vec<String>,
    /// Secrets that are watched at most, each by a connection of its own, which takes about 35 KiB. Those that Platforms
    /// name come first; a change of one that is not watched is seen by the next pass, within a minute.
    pub secret_watches: usize,
    /// Where the documentation is read: what waits and every alert link to its page there. A URL, without `/` at its end; as
    /// it is given at first, the folder of the repository.
    pub documentation: String,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            cluster_name: "default".to_owned(),
            lease_namespace: "crewdeck-system".to_owned(),
            watch_namespaces: Vec::new(),
            secret_watches: 300,
            documentation: "docs".to_owned(),
        }
    }
}

impl AppConfig for OperatorConfig {
    const SECTION: &'static str = "operator";
}
