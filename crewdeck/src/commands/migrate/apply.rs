//! `crewdeck migrate apply`: both databases, then the first administrator.

use std::path::Path;

use anyhow::Result;
use api_server::commands::Administrator;
use common_clock::{SharedClock, SharedIds};
use common_config::{SecretRef, Source};
use common_db::Phase;

use super::{
    Failed, MigrateConfig,
    plan::{Missing, missing},
};

/// What to apply.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Only this part; both by default
    #[arg(long, value_parser = phase)]
    phase: Option<Phase>,
    /// Refuse to apply anything but these, as `migrate plan --json` told them: `NAME:CHECKSUM,…`
    #[arg(long, value_delimiter = ',', value_name = "NAME:CHECKSUM")]
    planned: Option<Vec<String>>,
}

fn phase(word: &str) -> Result<Phase, String> {
    Phase::ALL
        .into_iter()
        .find(|phase| phase.as_str() == word)
        .ok_or_else(|| "must be expand or contract".to_owned())
}

/// Migrates what the configuration names.
pub(crate) async fn run(
    args: &Args,
    source: &Source,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<()> {
    let config: MigrateConfig = source.section()?;
    let administrator = first_administrator(config.admin_directory.as_deref())?;
    migrate(args, &config, administrator.as_ref(), clock, ids)
        .await
        .map_err(|error| Failed::of(&error).into())
}

async fn migrate(
    args: &Args,
    config: &MigrateConfig,
    administrator: Option<&Administrator>,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<()> {
    if let Some(planned) = &args.planned {
        require_planned(planned, &missing(config).await?)?;
    }
    let phases = args
        .phase
        .as_ref()
        .map_or(Phase::ALL.as_slice(), std::slice::from_ref);
    let database = &config.database_url;
    api_server::commands::migrate(database, phases, administrator, clock, ids).await?;
    if let Some(url) = &config.analytics_url {
        let report = analytics::migrate(url, phases).await?;
        tracing::info!(applied = ?report.applied, total = report.total, "the tables of analytics are as wanted");
    }
    Ok(())
}

/// Refuses what nobody has seen in the plan. Less than planned is fine: an earlier try has applied the rest.
fn require_planned(planned: &[String], missing: &[Missing]) -> Result<()> {
    let unseen = missing
        .iter()
        .map(|missing| format!("{}:{}", missing.pending.name, missing.pending.checksum))
        .find(|told| !planned.contains(told));
    match unseen {
        Some(unseen) => anyhow::bail!(
            "{unseen} is not in the plan that this is for; nothing was applied. Make the plan again (crewdeck migrate plan)"
        ),
        None => Ok(()),
    }
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
