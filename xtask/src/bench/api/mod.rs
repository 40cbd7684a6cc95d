//! `cargo xtask bench api`.

mod compare;
mod goals;
mod http;
mod limit;
mod load;
mod measure;
mod measures;
mod page;
mod requests;
mod scene;
mod sides;
mod table;
mod tail;

use anyhow::Result;
use common_scratch::{Package, Postgres, Redis};
use std::path::PathBuf;

use self::{goals::Found, limit::Limit, measure::Bench, scene::Scene, sides::Side, table::Table};
use super::usage::load;
use crate::{
    cluster::{packages, product},
    install,
};

/// What the bench uses beside the servers.
const PACKAGES: &[Package] = &[
    Postgres::PACKAGE,
    Redis::PACKAGE,
    Package {
        file: "/usr/bin/wrk",
        name: "wrk",
    },
];
/// Seconds of a turn, and turns, of a whole run.
const WHOLE: [u32; 2] = [4, 3];

/// Options of `cargo xtask bench api`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Seconds of each turn
    #[arg(long, default_value_t = WHOLE[0], value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Turns of each side and request; the median is shown
    #[arg(long, default_value_t = WHOLE[1], value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// A binary to measure, instead of a release build of this tree
    #[arg(long)]
    binary: Option<PathBuf>,
}

impl Args {
    /// Whether the figures are those that the page shows.
    fn is_whole(&self) -> bool {
        [self.seconds, self.rounds] == WHOLE && self.binary.is_none()
    }
}

/// Measures and prints.
pub(super) fn run(args: &Args) -> Result<()> {
    install::ensure(PACKAGES)?;
    let binary = if let Some(binary) = &args.binary {
        binary.clone()
    } else {
        packages::ensure_image_tools()?;
        product::compile()?
    };
    eprintln!("building and installing the other sides");
    let vegeta = tail::install()?;
    let scene = Scene::make(&binary)?;
    let sides = Side::all(&binary, &scene)?;
    let mut bench = Bench {
        scene,
        sides,
        processes: Vec::new(),
        rounds: args.rounds,
        seconds: args.seconds,
        table: Table::default(),
    };
    bench.tokens()?;
    bench.start()?;
    compare::compare(&bench.sides, &bench.scene)?;
    let limit = bench.requests()?;
    bench.tails(&vegeta)?;
    bench.starts()?;
    let text = text(bench.table, limit, args);
    println!("\n{text}");
    if args.is_whole() {
        page::write(&text)?;
        eprintln!("written to {}", page::PAGE);
    }
    Ok(())
}

/// The figures and the goals.
fn text(table: Table, limit: Limit, args: &Args) -> String {
    let figures = table.text();
    let goals = Found { table, limit }.text();
    format!(
        "{figures}\npgbench with the statement of a create: {:.0} a second, {:.1} ms each\n\n{goals}\n\
         medians of {} turns of {} s, 16 connections; {} cores, load {} at the end\n",
        limit.rate,
        limit.latency,
        args.rounds,
        args.seconds,
        std::thread::available_parallelism().map_or(0, usize::from),
        load()
    )
}
