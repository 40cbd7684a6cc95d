//! `crewdeck config`.

use std::io::Write as _;

use crate::sections;

/// What to do with the configuration.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Prints the JSON Schema of the configuration file
    Schema,
}

/// Does what the command says.
pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Schema => {
            let text = serde_json::to_string_pretty(&sections::schema().finish())?;
            writeln!(std::io::stdout(), "{text}")?;
        }
    }
    Ok(())
}
