//! Measurements beside what a user would pick instead: same server, same rows, same machine, one run, in turns.

mod aim;
mod api;
mod operator;
mod process;
mod python;
mod usage;

/// What to measure, and how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The HTTP API, beside what a user would pick or write instead
    ///
    /// Role web, with its log, metrics, limits and `ETag`s, against bare axum with tokio-postgres, Go's net/http with pgx, `FastAPI`
    /// with asyncpg and Django REST framework with simplejwt: the same rows, the same key, two workers each. Before anything is
    /// measured, all sides are asked the same, and one that answers otherwise is an error. Then each in turn is under the
    /// same load (wrk, 16 connections): a list of 20, one task, a 304, a create, a sign-in, a refresh. Also the check of
    /// a token, cold starts, memory, and the tail at half of the greatest rate. The figure to trust on a shared machine is the server's
    /// CPU per request.
    ///
    /// It takes about ten minutes, and at first some more for what it builds and installs. A whole run, which is one without options,
    /// puts its figures into docs/benchmarks/api.md, where is told what each of them means.
    Api(api::Args),
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

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.what {
        What::Api(args) => api::run(args),
        What::Operator(args) => operator::run(args),
    }
}
