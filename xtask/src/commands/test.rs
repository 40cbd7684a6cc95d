//! `cargo xtask test`.

use crate::test::{self, Part, Plan};

/// Run all tests: of the crates, on a PostgreSQL and a Redis of their own, then end to end on the local cluster.
///
/// What is tested is this checkout: `up` comes first, also on a cluster that runs, where it replaces what has changed and takes
/// ten seconds when nothing has. A cluster that was up stays, one that was not is taken down. One such run at a time: a second
/// one is refused, but for `--only crates`. The last line is `N passed, N failed`. From cold caches it takes an hour and a half
/// on two cores, later about fifty minutes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Only this half
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// The long fault tests too: the operator dies before and after every act, and more upgrades fail
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
