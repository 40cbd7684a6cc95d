//! `cargo xtask kubectl`.

use crate::cluster::{kubectl, process, require};
use std::os::unix::process::CommandExt as _;

/// Options of `cargo xtask kubectl`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What kubectl is told
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<String>,
}

/// Runs the command: becomes kubectl.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    require()?;
    anyhow::ensure!(
        process::alive("apiserver").is_some(),
        "no cluster runs here: start one with `cargo xtask up`"
    );
    Err(kubectl().args(&args.arguments).exec().into())
}
