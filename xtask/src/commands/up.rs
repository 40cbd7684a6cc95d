//! `cargo xtask up`.

use crate::cluster::{self, Lock, image, platform, product, progress::Progress, status};

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
    let steps = if args.no_platform { 1 } else { 4 };
    let mut progress = Progress::new(cluster::STEPS + steps);
    cluster::up(&mut progress, usize::from(args.nodes))?;
    progress.step("namespace and Secrets", |_| platform::secrets())?;
    if args.no_platform {
        eprintln!("\n{}", progress.table());
        eprintln!("next: cargo xtask status · cargo xtask kubectl -- get nodes · cargo xtask down");
        return Ok(());
    }
    let product = progress.step("release build", |_| product::build())?;
    progress.step("image", |step| {
        step.say(format!(
            "{}, {} MiB",
            product.name(),
            product.archive_bytes.div_ceil(1024 * 1024)
        ));
        image::import_everywhere(&product.archive)
    })?;
    progress.step("operator and sample Platform", |step| {
        platform::install(&product, step)
    })?;
    eprintln!("\n{}", progress.table());
    eprintln!("{}", status::text(&status::json()?));
    eprintln!(
        "next: cargo xtask kubectl -- get platform -A -o wide · cargo xtask kubectl -- -n {} get pods · cargo xtask test",
        platform::NAMESPACE
    );
    Ok(())
}
