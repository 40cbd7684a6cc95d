//! `cargo xtask check`.

use crate::check;

/// Prove what needs no cluster: formatting, lints, directions, sizes, generated files, migrations.
///
/// Every step runs even when an earlier one fails; the exit code is non-zero when any did. The steps that need
/// PostgreSQL start one of their own in a temporary folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only these steps (see --list); may be repeated
    #[arg(long, value_name = "STEP", value_parser = step())]
    only: Vec<String>,
    /// Print the steps and what each proves
    #[arg(long)]
    list: bool,
}

fn step() -> clap::builder::PossibleValuesParser {
    check::STEPS
        .iter()
        .map(|step| step.name)
        .collect::<Vec<_>>()
        .into()
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.list {
        for step in check::STEPS {
            println!("{:<11} {}", step.name, step.about);
        }
        return Ok(());
    }
    check::run(&args.only)
}
