//! `cargo xtask status`.

use crate::cluster::{require, status};

/// Options of `cargo xtask status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How to print it; `json` holds the backends' administrator logins too
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// The forms of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For a person
    Text,
    /// For a program
    Json,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    require()?;
    let status = status::json()?;
    match args.output {
        Output::Text => print!("{}", status::text(&status)),
        Output::Json => println!("{status:#}"),
    }
    Ok(())
}
