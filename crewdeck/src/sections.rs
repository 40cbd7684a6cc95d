//! Every section that a configuration may have.

use analytics::AnalyticsConfig;
use api_server::UsersConfig;
use common_auth::{AuthConfig, SigningConfig};
use common_cache::CacheConfig;
use common_config::{ConfigError, FileSchema, Source};
use common_db::DatabaseConfig;
use common_events::EventsConfig;
use common_http::HttpConfig;
use common_outbound::OutboundConfig;
use common_service::ServiceConfig;
use common_telemetry::TelemetryConfig;
use operator::OperatorConfig;

use crate::commands::migrate::MigrateConfig;

/// The schema of the whole file.
pub(crate) fn schema() -> FileSchema {
    FileSchema::new()
        .with::<AnalyticsConfig>()
        .with::<AuthConfig>()
        .with::<CacheConfig>()
        .with::<DatabaseConfig>()
        .with::<EventsConfig>()
        .with::<HttpConfig>()
        .with::<MigrateConfig>()
        .with::<OperatorConfig>()
        .with::<OutboundConfig>()
        .with::<ServiceConfig>()
        .with::<SigningConfig>()
        .with::<TelemetryConfig>()
        .with::<UsersConfig>()
}

/// Tells once of each key that a newer operator wrote for a newer program, and that this one goes on without.
pub(crate) fn tell_passed_over(source: &Source) {
    for key in source.passed_over(&schema()) {
        tracing::warn!(
            key,
            "the operator is newer than this program, which does not know the key and goes on without it"
        );
    }
}

/// Refuses a section that no role reads: it is a misspelt one.
pub(crate) fn deny_unknown(source: &Source) -> Result<(), ConfigError> {
    let schema = schema();
    source.deny_unknown_sections(&schema.sections().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> Source {
        Source::load(None, [(name.to_owned(), "x".to_owned())]).expect("no file")
    }

    #[test]
    fn a_misspelt_section_is_refused_with_the_right_one() {
        let error = deny_unknown(&source("CREWDECK_DATABSE_URL")).expect_err("misspelt");
        let text = error.to_string();
        assert!(text.contains("CREWDECK_DATABASE_"), "{text}");
    }

    #[test]
    fn sections_of_other_roles_are_fine() {
        assert!(deny_unknown(&source("CREWDECK_OPERATOR_X")).is_ok());
    }
}
