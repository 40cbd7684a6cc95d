//! `crewdeck openapi`.

use std::io::Write as _;

/// A role with an HTTP API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Api {
    /// Users, teams, tasks, notifications
    Web,
    /// Numbers of teams
    Analytics,
}

/// Prints the document.
pub(crate) fn run(api: Api) -> anyhow::Result<()> {
    let document = match api {
        Api::Web => api_server::document(),
        Api::Analytics => analytics::document(),
    };
    let text = document.to_pretty_json()?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
