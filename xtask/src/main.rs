//! The one door to the repository: everything a developer or CI does is a command here.
//!
//! Each command is one file under `commands/`, with its options (`Args`) and one function (`run`); `bench` alone has
//! both in its folder. What a command needs lives in the folder of its subject (`check/`, `generate/`, `test/`,
//! `cluster/`, `bench/`). Nothing here links a service crate: the rest of the workspace is reached through cargo and
//! through the built binary.
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool: its output is its purpose"
)]

mod bench;
mod check;
mod cluster;
mod commands;
mod generate;
mod install;
mod migrations;
mod repo;
mod test;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The one door to the Crewdeck repository.
///
/// `cargo xtask up` makes a local cluster with a running platform; `cargo xtask test` proves it; `cargo xtask check`
/// proves everything that needs no cluster. Every command has `--help`.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
enum Command {
    /// Make the local cluster, its backends and a sample platform
    ///
    /// It goes on where it stands: what is missing is made, what runs with another version, other arguments or another
    /// configuration than this checkout has is started anew, and what is as it should be is left alone.
    Up(commands::up::Args),
    /// Say what is running, where, and how to log in
    Status(commands::status::Args),
    /// Run kubectl against the local cluster
    Kubectl(commands::kubectl::Args),
    /// Remove everything that `up` made
    Down(commands::down::Args),
    Test(commands::test::Args),
    Check(commands::check::Args),
    Gen(commands::generate::Args),
    /// Build the container image and load it into the local cluster
    Image(commands::image::Args),
    /// Measure beside what a user would pick instead
    Bench(bench::Args),
    /// Act on the parts of the local cluster: nodes, backends, caches
    Cluster(commands::cluster::Args),
}

impl Command {
    fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Up(args) => commands::up::run(args),
            Self::Status(args) => commands::status::run(args),
            Self::Kubectl(args) => commands::kubectl::run(args),
            Self::Down(args) => commands::down::run(args),
            Self::Test(args) => commands::test::run(args),
            Self::Check(args) => commands::check::run(args),
            Self::Gen(args) => commands::generate::run(args),
            Self::Image(args) => commands::image::run(args),
            Self::Bench(args) => bench::run(args),
            Self::Cluster(args) => commands::cluster::run(args),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
