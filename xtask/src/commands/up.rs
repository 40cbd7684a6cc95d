//! `cargo xtask up`.

use crate::cluster::{self, Lock, platform, progress::Progress};

/// Options of `cargo xtask up`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// How many nodes: 1 or 2
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) nodes: u8,
    /// Only Kubernetes, the backends and the sample platform's Secrets
    #[arg(long)]
    pub(crate) no_platform: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    cluster::require()?;
    let _lock = Lock::take()?;
    let mut progress = Progress::new(cluster::STEPS + 1);
    cluster::up(&mut progress, usize::from(args.nodes))?;
    progress.step("namespace and Secrets", |_| platform::secrets())?;
    eprintln!("\n{}", progress.table());
    eprintln!("next: cargo xtask status · cargo xtask kubectl -- get nodes · cargo xtask down");
    Ok(())
}
