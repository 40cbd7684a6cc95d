//! `crewdeck openapi`.

use std::io::Write as _;

/// Prints the document.
pub(crate) fn run() -> anyhow::Result<()> {
    let text = api_server::document().to_pretty_json()?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}
