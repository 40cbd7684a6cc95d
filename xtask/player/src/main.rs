//! What `cargo xtask bench operator` needs at an API server: the parts of the controllers and of a kubelet, the load, and a
//! watch with a clock. A program of its own, so that `xtask` links no client; it is built as the operator is, so that neither
//! has the better compiler. Each command ends with one line of JSON.
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool: its output is its purpose"
)]

mod drift;
mod foreign;
mod kubelet;
mod names;
mod place;
mod platforms;
mod play;
mod raw;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::Serialize;
use std::path::PathBuf;

/// Plays the rest of a cluster around an operator, and measures.
#[derive(Debug, Parser)]
struct Cli {
    /// The way to the API server
    #[arg(long)]
    kubeconfig: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the controllers and the kubelet, until it is ended
    Play(play::Args),
    /// Makes as many plain objects as the API server takes
    Raw(raw::Args),
    /// Makes the namespaces of Platforms, with the Secrets that they name
    Prepare(platforms::PrepareArgs),
    /// Makes Platforms and waits until they are Ready
    Create(platforms::CreateArgs),
    /// Makes objects that are none of the operator's business
    Foreign(foreign::Args),
    /// Changes a Deployment and waits until that is put right, again and again
    Drift(drift::Args),
    /// Changes Deployments and waits for nothing
    Disturb(drift::DisturbArgs),
}

#[tokio::main]
async fn main() -> Result<()> {
    // Fails only if a provider is installed already, and nothing ran before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    let client = client(&cli.kubeconfig).await?;
    match &cli.command {
        Command::Play(args) => play::run(client, args).await,
        Command::Raw(args) => told(&raw::run(client, args).await?),
        Command::Prepare(args) => told(&platforms::prepare(client, args).await?),
        Command::Create(args) => told(&platforms::create(client, args).await?),
        Command::Foreign(args) => told(&foreign::run(client, args).await?),
        Command::Drift(args) => told(&drift::run(client, args).await?),
        Command::Disturb(args) => told(&drift::disturb(client, args).await?),
    }
}

async fn client(kubeconfig: &PathBuf) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("read {}", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Prints what a command found.
fn told(found: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(found)?);
    Ok(())
}
