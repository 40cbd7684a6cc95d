//! `crewdeck users`.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use api_server::commands::{Administrator, create_admin};
use common_clock::{SharedClock, SharedIds};
use common_config::{SecretRef, Source};
use common_db::DatabaseConfig;

/// What to do with users.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Makes an administrator in the database that section `database` names
    CreateAdmin {
        /// Address to sign in with
        #[arg(long)]
        email: String,
        /// File with the password; without it one is made and printed
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
}

/// Does what the command says.
pub(crate) async fn run(
    command: Command,
    source: &Source,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<()> {
    let Command::CreateAdmin {
        email,
        password_file,
    } = command;
    let database: DatabaseConfig = source.section()?;
    // One that is made is printed; one that is given is not.
    let (password, made) = if let Some(file) = password_file {
        (SecretRef::file(file), None)
    } else {
        let password = ids.token(18);
        (SecretRef::from(password.clone()), Some(password))
    };
    let administrator = Administrator {
        email: SecretRef::from(email.clone()),
        password,
    };
    let id = create_admin(&database.url, &administrator, clock, ids)
        .await
        .with_context(|| format!("cannot make administrator {email}"))?;
    let mut out = std::io::stdout();
    writeln!(out, "administrator {email} made, id {id}")?;
    if let Some(password) = made {
        writeln!(out, "password (shown once): {password}")?;
    }
    Ok(())
}
