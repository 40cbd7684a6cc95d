//! Section `[analytics]`.

use common_config::{AppConfig, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// The two databases of analytics. There is no key for the application's primary.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalyticsConfig {
    /// The application's replica, with a login that may read the views `analytics_*` and nothing else. Role `analytics`
    /// needs it, and no other.
    #[serde(default)]
    pub reader_url: Option<SecretRef>,
    /// Analytics' own database.
    pub owner_url: SecretRef,
    /// Connections per pool.
    #[serde(default = "max_connections")]
    pub max_connections: u32,
    /// Milliseconds after which a server cancels a statement.
    #[serde(default = "statement_timeout_ms")]
    pub statement_timeout_ms: u64,
    /// Seconds that a summary may be answered from the cache; 0 turns the cache off.
    #[serde(default = "cache_seconds")]
    pub cache_seconds: u64,
}

fn max_connections() -> u32 {
    5
}

fn statement_timeout_ms() -> u64 {
    10_000
}

fn cache_seconds() -> u64 {
    5
}

impl AppConfig for AnalyticsConfig {
    const SECTION: &'static str = "analytics";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use common_config::Source;

    use super::*;

    fn source(variables: &[(&str, &str)]) -> Source {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Source::load(None, variables).expect("no file")
    }

    #[test]
    fn both_urls_may_be_files() {
        let config: AnalyticsConfig = source(&[
            ("CREWDECK_ANALYTICS_READER_URL_FILE", "/reader/url"),
            ("CREWDECK_ANALYTICS_OWNER_URL_FILE", "/owner/url"),
        ])
        .section()
        .expect("valid");
        let path = |url: &SecretRef| url.path().map(|path| path.display().to_string());
        let reader = config.reader_url.as_ref().and_then(path);
        assert_eq!(reader.as_deref(), Some("/reader/url"));
        assert_eq!(path(&config.owner_url).as_deref(), Some("/owner/url"));
    }

    #[test]
    fn the_primary_has_no_key() {
        let error = source(&[("CREWDECK_ANALYTICS_DATABASE_URL", "postgres://primary")])
            .section::<AnalyticsConfig>()
            .expect_err("unknown key");
        assert!(error.to_string().contains("unknown key"), "{error}");
    }
}
