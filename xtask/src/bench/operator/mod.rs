//! `cargo xtask bench operator`.

mod audit;
mod certificates;
mod cluster;
mod figures;
mod kafka;
mod kopf;
mod measure;
mod ours;
mod postgres;
mod redis;
mod scene;
mod servers;
mod subject;
mod watch;

use super::process;
use crate::cluster::{build, packages, product, progress::Step};
use anyhow::{Context as _, Result};
use cluster::Programs;
use scene::Scene;
use std::path::PathBuf;

/// The program that plays the rest of a cluster.
const PLAYER: &str = "xtask-player";

/// Options of `cargo xtask bench operator`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Platforms
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    platforms: u32,
    /// Objects of others: of the kinds ConfigMap, Secret and Deployment in equal parts, 2 KiB each
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    foreign: u32,
    /// Seconds for which the API server's own limit is measured
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Changes of drift that are put right, one after the other
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    drifts: u32,
    /// Leaders that are killed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    takeovers: u32,
    /// Minutes that the Platforms may take to become Ready, and that the looks at all of them may take
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    limit: u32,
    /// Minutes that are waited for rest, which is ten seconds without a write; without it the writes of the last minute are told
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_440))]
    rest: u32,
    /// Leaves the Python operator out
    #[arg(long)]
    alone: bool,
    /// A folder with `crewdeck` and `xtask-player`, instead of a release build of this tree
    #[arg(long)]
    programs: Option<PathBuf>,
}

/// Measures and prints.
pub(super) fn run(args: &Args) -> Result<()> {
    crate::cluster::require()?;
    packages::ensure(&Step::plain())?;
    let folder = if let Some(folder) = &args.programs {
        folder.canonicalize()?
    } else {
        let built = product::compile_with(&[PLAYER])?;
        let folder = built.parent().context("a program lies in a folder")?;
        folder.to_owned()
    };
    let programs = Programs {
        operator: folder.join("crewdeck"),
        player: folder.join(PLAYER),
        etcd: build::ETCD.ensure(&Step::plain())?,
        kubernetes: build::KUBERNETES.ensure(&Step::plain())?,
    };
    build::KAFKA.ensure(&Step::plain())?;
    // Dropped last: what runs in it ends before.
    let scene = Scene::new()?;
    certificates::make(&scene.path("pki"))?;
    let ours = ours::measure(args, &programs, &scene)?;
    // Ours is printed in any case.
    let rival = (!args.alone).then(|| kopf::measure(args, &programs, &scene));
    let (rival, failed) = match rival.transpose() {
        Ok(rival) => (rival, None),
        Err(error) => (None, Some(error)),
    };
    figures::print(args, &ours, rival.as_ref());
    if let Some(error) = failed {
        return Err(error.context("the other side was not measured"));
    }
    let notes = ours.notes.len() + rival.map_or(0, |rival| rival.notes.len());
    anyhow::ensure!(notes == 0, "not all went as it should: see below the table");
    Ok(())
}
