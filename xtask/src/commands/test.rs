//! `cargo xtask test`.

use crate::test::{self, Part, Plan};

/// Run the tests of the crates, on a PostgreSQL and a Redis of their own.
///
/// `--only cluster` brings the local cluster up (or uses the one that is) and runs the end-to-end tests on it. Nothing
/// that it started is left running. The last line is `N passed, N failed`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Which half: the crates when none is named
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// The long fault tests too: more kills of the operator, at more moments
    #[arg(long)]
    faults: bool,
    /// Leave the cluster running when it was started by this command
    #[arg(long)]
    keep: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    test::run(&Plan {
        only: args.only.clone(),
        faults: args.faults,
        keep: args.keep,
        filter: args.filter.clone(),
    })
}
