//! `cargo xtask image`.

use crate::cluster::{image, node, packages, product};

/// Options of `cargo xtask image`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only build; do not import it into the running cluster
    #[arg(long)]
    pub(crate) build_only: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    packages::ensure_image_tools()?;
    let product = product::build()?;
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    eprintln!(
        "{}: binary {} MiB, archive {} MiB at {}",
        product.name(),
        mib(product.binary_bytes),
        mib(product.archive_bytes),
        product.archive.path.display()
    );
    if !args.build_only && !node::running().is_empty() {
        let nodes = image::import_everywhere(&product.archive.path)?;
        eprintln!("imported into {nodes} node(s)");
    }
    Ok(())
}
