//! `crewdeck migrate plan`: what this version would do to both databases.

use std::io::Write as _;

use anyhow::Result;
use common_db::{Pending, Phase};
use serde::Serialize;

use super::{Failed, MigrateConfig};

/// How to tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

/// A missing migration and whose it is.
#[derive(Debug, Serialize)]
pub(super) struct Missing {
    /// `application` or `analytics`.
    database: &'static str,
    /// The migration.
    #[serde(flatten)]
    pub(super) pending: Pending,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    version: &'static str,
    pending: &'a [Missing],
}

/// Prints the plan.
pub(super) async fn run(args: &Args, config: &MigrateConfig) -> Result<()> {
    let missing = missing(config).await.map_err(|error| Failed::of(&error))?;
    let version = env!("CARGO_PKG_VERSION");
    let text = if args.json {
        let line = Line {
            version,
            pending: &missing,
        };
        serde_json::to_string(&line)?
    } else {
        table(version, &missing)
    };
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// What is missing in both databases, in the order in which it is applied.
pub(super) async fn missing(config: &MigrateConfig) -> Result<Vec<Missing>> {
    let of = |database: &'static str| move |pending: Pending| Missing { database, pending };
    let application = api_server::commands::plan(&config.database_url).await?;
    let mut missing: Vec<Missing> = application.into_iter().map(of("application")).collect();
    if let Some(url) = &config.analytics_url {
        missing.extend(analytics::plan(url).await?.into_iter().map(of("analytics")));
    }
    missing.sort_by_key(|missing| missing.pending.phase);
    Ok(missing)
}

fn table(version: &str, missing: &[Missing]) -> String {
    if missing.is_empty() {
        return format!("The databases have the schema of {version}; nothing is missing.");
    }
    let mut lines = vec![format!("{:<10} {:<12} MIGRATION", "PHASE", "DATABASE")];
    lines.extend(missing.iter().map(|missing| {
        let Pending { name, phase, .. } = &missing.pending;
        format!("{:<10} {:<12} {name}", phase.as_str(), missing.database)
    }));
    if missing
        .iter()
        .any(|missing| missing.pending.phase == Phase::Contract)
    {
        lines.push(String::new());
        lines.push(
            "contract: apply it when no process of the former version is left (--phase contract)"
                .to_owned(),
        );
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(name: &str, phase: Phase) -> Missing {
        Missing {
            database: "application",
            pending: Pending {
                name: name.to_owned(),
                phase,
                checksum: "a1b2c3d4e5f6".to_owned(),
            },
        }
    }

    #[test]
    fn a_person_sees_what_comes_when() {
        let list = [
            missing("0008_expand_index", Phase::Expand),
            missing("0009_contract_index", Phase::Contract),
        ];
        assert_eq!(
            table("0.2.0", &list).lines().collect::<Vec<_>>(),
            [
                "PHASE      DATABASE     MIGRATION",
                "expand     application  0008_expand_index",
                "contract   application  0009_contract_index",
                "",
                "contract: apply it when no process of the former version is left (--phase contract)",
            ]
        );
        assert!(table("0.2.0", &[]).contains("nothing is missing"));
    }

    /// The operator reads this line.
    #[test]
    fn the_line_of_json_is_flat() {
        let pending = [missing("0008_expand_index", Phase::Expand)];
        let line = Line {
            version: "0.2.0",
            pending: &pending,
        };
        assert_eq!(
            serde_json::to_value(&line).expect("strings"),
            serde_json::json!({"version": "0.2.0", "pending": [{
                "database": "application", "name": "0008_expand_index", "phase": "expand",
                "checksum": "a1b2c3d4e5f6",
            }]})
        );
    }
}
