//! `cargo xtask down`.

use crate::cluster::{self, Lock, down, paths, progress::Progress};

/// Options of `cargo xtask down`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Keep certificates, objects and data for the next `up`
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    cluster::require()?;
    if !paths::state("").exists() && !paths::run("").exists() {
        eprintln!("there is no cluster");
        return Ok(());
    }
    let _lock = Lock::take()?;
    down::run(&mut Progress::new(down::STEPS), args.keep)
}
