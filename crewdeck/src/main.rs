//! `crewdeck`: the one binary. The command line or `ROLE` says what it is.

mod cli;
mod commands;
mod failure;
mod role;
mod run;
mod sections;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one reader of the environment"
    )]
    let environment: Vec<(String, String)> = std::env::vars().collect();
    // Fails only if a provider is installed already, and nothing ran before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = cli::Cli::read(std::env::args_os().collect());
    let outcome = cli.command(&environment).and_then(|command| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        runtime.block_on(run::run(command, environment))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
