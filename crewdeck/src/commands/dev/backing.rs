//! The servers behind the roles: those that the configuration names, and our own for the rest.

use std::path::Path;

use anyhow::{Context as _, Result};
use common_cache::CacheConfig;
use common_config::{AppConfig as _, Source};
use common_db::DatabaseConfig;
use common_scratch::{Folder, Postgres, Redis};
use secrecy::ExposeSecret as _;

/// Servers that end when this is dropped, and a folder that goes with them.
#[derive(Debug)]
pub(super) struct Backing {
    postgres: Option<Postgres>,
    redis: Option<Redis>,
    folder: Folder,
}

impl Backing {
    /// Starts the servers whose `url` is not given.
    pub(super) fn start(given: &Source) -> Result<Self> {
        let own = |section| !given.has_key(section, "url");
        Ok(Self {
            postgres: own(DatabaseConfig::SECTION)
                .then(Postgres::start)
                .transpose()
                .context("PostgreSQL; or name one of yours in CREWDECK_DATABASE_URL")?,
            redis: own(CacheConfig::SECTION)
                .then(Redis::start)
                .transpose()
                .context("Redis; or name one of yours in CREWDECK_REDIS_URL")?,
            folder: Folder::new("dev")?,
        })
    }

    /// A folder for files of this run.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database of the application and of analytics.
    pub(super) fn database(&self, given: &Source) -> Result<String> {
        if let Some(postgres) = &self.postgres {
            return Ok(postgres.url("crewdeck"));
        }
        let config: DatabaseConfig = given.section()?;
        Ok(config.url.read()?.expose_secret().to_owned())
    }

    /// The Redis of every role.
    pub(super) fn redis(&self, given: &Source) -> Result<String> {
        if let Some(redis) = &self.redis {
            return Ok(redis.url());
        }
        let config: CacheConfig = given.section()?;
        Ok(config.url.read()?.expose_secret().to_owned())
    }

    /// What runs, a line each; the addresses of own servers carry no password.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |own: Option<String>, name| match own {
            Some(url) => format!("✓ {name} of this run, {url}"),
            None => format!("✓ {name} of yours"),
        };
        vec![
            line(
                self.postgres.as_ref().map(|own| own.url("crewdeck")),
                "PostgreSQL",
            ),
            line(self.redis.as_ref().map(Redis::url), "Redis"),
        ]
    }
}
