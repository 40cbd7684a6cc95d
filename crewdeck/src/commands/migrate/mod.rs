//! `crewdeck migrate`: both databases, then the first administrator. It is here because it touches the application and
//! analytics, which do not know each other.

mod apply;
mod failed;
mod plan;

use std::path::PathBuf;

use anyhow::Result;
use common_clock::{SharedClock, SharedIds};
use common_config::{AppConfig, SecretRef, Source};
use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use apply::{Args as ApplyArgs, run as apply};
pub(crate) use failed::Failed;

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

/// What to do about migrations.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Tells which migrations are missing and when each is applied; changes nothing
    Plan(plan::Args),
    /// Applies what is missing (the same as `ROLE=migrate`): first what the former version works with too, then the rest
    Apply(apply::Args),
}

/// Does what the command says.
pub(crate) async fn run(
    command: Command,
    source: &Source,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<()> {
    match command {
        Command::Plan(args) => plan::run(&args, &source.section()?).await,
        Command::Apply(args) => apply(&args, source, clock, ids).await,
    }
}
