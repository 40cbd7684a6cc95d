//! `crewdeck smoke`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use api_server::commands::Smoke;
use common_clock::{SharedClock, SharedIds};

/// What to try, and as whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of role web, such as `http://demo-web:8000`
    #[arg(long)]
    url: String,
    /// Issuer that tokens must name: publicURL of the Platform [default: the address]
    #[arg(long)]
    issuer: Option<String>,
    /// File with the email to sign in with
    #[arg(long)]
    email_file: PathBuf,
    /// File with the password
    #[arg(long)]
    password_file: PathBuf,
}

/// Tries it; every step is a line on stdout.
pub(crate) async fn run(args: Args, clock: SharedClock, ids: &SharedIds) -> Result<()> {
    let url = args.url.trim_end_matches('/').to_owned();
    let smoke = Smoke {
        issuer: args.issuer.unwrap_or_else(|| url.clone()),
        url,
        email: read(&args.email_file)?,
        password: read(&args.password_file)?.into(),
    };
    api_server::commands::smoke(smoke, clock, ids, |line| {
        // Nobody reads any more: the outcome is the exit code.
        let _ = writeln!(std::io::stdout(), "{line}");
    })
    .await
}

fn read(path: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}
