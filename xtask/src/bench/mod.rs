//! Measurements beside what a user would pick instead: same server, same rows, same machine, one run, in turns.

mod api;
mod load;
mod ours;
mod rival;

use std::path::PathBuf;

/// What to measure, and how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Reads of the HTTP API, beside a Python service as it is usually written
    ///
    /// Role web in `crewdeck dev`, with its layers, against `FastAPI` with asyncpg under two uvicorn workers, each in turn
    /// under the same load (wrk, 16 connections). The figure to trust on a shared machine is the server's CPU per request; PostgreSQL's is not in it.
    Api(Api),
}

/// Options of `cargo xtask bench api`.
#[derive(Debug, clap::Args)]
struct Api {
    /// Seconds of each turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Turns of each side and request; the median is shown
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// A binary to measure, instead of a release build of this tree
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.what {
        What::Api(args) => api::run(args),
    }
}
