//! `crewdeck migrate`: both databases, then the first administrator. It is here because it touches the application and
//! analytics, which do not know each other.

use anyhow::Result;
use api_server::commands::Administrator;
use common_clock::{SharedClock, SharedIds};
use common_config::{AppConfig, SecretRef, Source};
use common_db::MigrateError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `[migrate]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MigrateConfig {
    /// The application's database, with a login that may change its schema.
    database_url: SecretRef,
    /// The database of analytics; left alone when absent.
    #[serde(default)]
    analytics_url: Option<SecretRef>,
    /// Address of the first administrator; nobody is made when absent.
    #[serde(default)]
    admin_email: Option<SecretRef>,
    /// Password of the first administrator.
    #[serde(default)]
    admin_password: Option<SecretRef>,
}

impl AppConfig for MigrateConfig {
    const SECTION: &'static str = "migrate";
}

/// What failed, as the last line on stderr: who runs the migration reads it from there.
#[derive(Debug, Serialize, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Failed {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<String>,
}

impl Failed {
    fn of(error: &anyhow::Error) -> Self {
        let at = error.chain().find_map(|cause| match cause.downcast_ref() {
            Some(MigrateError::Statement {
                migration,
                statement,
                ..
            }) => Some((migration.clone(), statement.clone())),
            _ => None,
        });
        let (migration, statement) = at.unzip();
        Self {
            error: format!("{error:#}"),
            migration,
            statement: statement.flatten(),
        }
    }

    /// One line of JSON.
    pub(crate) fn line(&self) -> String {
        // Strings alone: it always serialises.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Migrates what the configuration names.
pub(crate) async fn run(source: &Source, clock: &SharedClock, ids: &SharedIds) -> Result<()> {
    let config: MigrateConfig = source.section()?;
    let administrator = match (config.admin_email, config.admin_password) {
        (Some(email), Some(password)) => Some(Administrator { email, password }),
        (None, None) => None,
        _ => anyhow::bail!("set both migrate.admin_email and migrate.admin_password, or neither"),
    };
    api_server::commands::migrate(&config.database_url, administrator.as_ref(), clock, ids)
        .await
        .map_err(|error| Failed::of(&error))?;
    if let Some(url) = config.analytics_url {
        let report = analytics::migrate(&url)
            .await
            .map_err(|error| Failed::of(&error.into()))?;
        tracing::info!(applied = ?report.applied, total = report.total, "the tables of analytics are as wanted");
    }
    Ok(())
}
