//! `crewdeck`: the one binary. The command line or `ROLE` says what it is.

mod cli;
mod commands;
mod failure;
mod role;
mod run;
mod sections;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the end of the process waits for threads that block, such as one that takes leave of a broker.
const BLOCKED: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn work() -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of the environment"
    )]
    let environment: Vec<(String, String)> = std::env::vars().collect();
    let command = cli::Cli::read(std::env::args_os().collect()).command(&environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(run::run(command, environment));
    runtime.shutdown_timeout(BLOCKED);
    outcome
}
