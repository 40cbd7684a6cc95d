//! `crewdeck migrate`: both databases, then the first administrator. It is here because it touches the application and
//! analytics, which do not know each other.

use std::path::{Path, PathBuf};

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
    /// Directory with the files `email` and `password` of the first administrator; nobody is made when it is not set
    /// or has neither.
    #[serde(default)]
    admin_directory: Option<PathBuf>,
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
    let administrator = first_administrator(config.admin_directory.as_deref())?;
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

/// The login in a directory that may be empty: a volume of a Secret that need not be there.
fn first_administrator(directory: Option<&Path>) -> Result<Option<Administrator>> {
    let Some(directory) = directory else {
        return Ok(None);
    };
    let [email, password] = ["email", "password"].map(|name| directory.join(name));
    match (email.is_file(), password.is_file()) {
        (true, true) => Ok(Some(Administrator {
            email: SecretRef::file(email),
            password: SecretRef::file(password),
        })),
        (false, false) => Ok(None),
        _ => anyhow::bail!(
            "migrate.admin_directory {}: has one of email and password; put both there, or neither",
            directory.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use common_scratch::Folder;

    use super::*;

    #[test]
    fn the_first_administrator_is_two_files_or_none() {
        let folder = Folder::new("migrate").expect("a folder");
        let write = |name: &str| std::fs::write(folder.path().join(name), "a").expect("written");
        let first = || first_administrator(Some(folder.path()));
        assert!(first_administrator(None).expect("not asked").is_none());
        assert!(first().expect("an empty folder").is_none());
        write("email");
        let half = first().expect_err("half a login").to_string();
        assert!(half.contains("put both there, or neither"), "{half}");
        write("password");
        assert!(first().expect("both").is_some());
    }
}
