//! Measurements beside what a user would pick instead: same server, same rows, same machine, one run, in turns.

mod api;
mod load;
mod operator;
mod ours;
mod process;
mod python;
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
    /// The operator, beside the API server's own limit and a Python operator
    ///
    /// An etcd and an API server of their own on loopback, with PostgreSQL, Redis and Kafka over TLS; no kubelet and no
    /// controllers: a program plays their part, so that no pod is run. Measured are the writes per second while new Platforms
    /// are made against what the same API server takes of plain objects of kind ConfigMap, memory with and without objects of others, the
    /// start over settled Platforms, the repair of drift, and the takeover after a killed leader. A kopf operator makes the
    /// same Kubernetes objects, and nothing on servers, on an API server started anew. Each figure is printed when it is known.
    ///
    /// It needs root and, for 1,000 Platforms, 20 GB below the temporary folder, 8 GB of memory and hours on two cores; try it with
    /// `--platforms 20 --foreign 500`. Everything it starts ends with it, also when it is killed. What each figure means:
    /// docs/benchmarks/operator.md.
    Operator(operator::Args),
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
        What::Operator(args) => operator::run(args),
    }
}
