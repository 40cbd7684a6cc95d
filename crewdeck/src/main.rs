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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // Before anything else: until then nobody could end this process in order.
        let end = common_service::end_of_process()?;
        // Fails only if a provider is installed already, and nothing ran before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        #[expect(
            clippy::disallowed_methods,
            reason = "the one reader of the environment"
        )]
        let environment: Vec<(String, String)> = std::env::vars().collect();
        let cli = cli::Cli::read(std::env::args_os().collect());
        run::run(cli.command(&environment)?, environment, &end).await
    });
    runtime.shutdown_timeout(BLOCKED);
    outcome
}
