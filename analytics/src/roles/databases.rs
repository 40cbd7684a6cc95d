//! The two databases of analytics, as the roles reach them.

use common_config::SecretRef;
use common_reach::Database;

use crate::AnalyticsConfig;

/// The application's replica.
pub(super) fn replica(config: &AnalyticsConfig, url: &SecretRef) -> Database {
    database(config, "replica", "db-analytics-reader", url, true)
}

/// Analytics' own database.
pub(super) fn own(config: &AnalyticsConfig) -> Database {
    database(
        config,
        "own database",
        "db-analytics-owner",
        &config.owner_url,
        false,
    )
}

fn database(
    config: &AnalyticsConfig,
    name: &'static str,
    client: &'static str,
    url: &SecretRef,
    read_only: bool,
) -> Database {
    Database {
        name,
        client,
        url: url.clone(),
        read_only,
        max_connections: config.max_connections,
        statement_timeout_ms: config.statement_timeout_ms,
    }
}
