//! `cargo xtask gen`.

use crate::generate;

/// Regenerate the committed files that are made from code.
///
/// Names the files that changed. Kinds: `crds`, `manifests`, `sqlx`, `openapi`, `events`, `config`; all when none is
/// named. `sqlx` starts a PostgreSQL of its own in a temporary folder; the last three build the program.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to regenerate
    #[arg(value_name = "KIND", value_parser = kind())]
    only: Vec<String>,
    /// Write nothing; fail when something would change
    #[arg(long)]
    check: bool,
}

fn kind() -> clap::builder::PossibleValuesParser {
    generate::KINDS
        .iter()
        .map(|kind| clap::builder::PossibleValue::new(kind.name).help(kind.about))
        .collect::<Vec<_>>()
        .into()
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if !args.check {
        return generate::write(&args.only);
    }
    let outcome = generate::check(&args.only)?;
    for finding in &outcome.findings {
        println!("{finding}");
    }
    anyhow::ensure!(
        outcome.findings.is_empty(),
        "generated files are not up to date"
    );
    println!("{}, all up to date", outcome.summary);
    Ok(())
}
