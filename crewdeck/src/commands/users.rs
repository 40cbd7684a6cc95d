//! `crewdeck users`.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use api_server::commands::{Administrator, create_admin, import_users};
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
    /// Adds the people of a former system, who go on with their passwords, to the database that section `database` names
    ///
    /// One JSON object a line: email, name and password, which is the hash as Django stores it; `is_active` (true) and
    /// `date_joined` (now) may be left out. All are added or, if anything is wrong with any line, none. Who has an address
    /// already stays as they are, so it can be repeated. Nobody becomes an administrator.
    Import {
        /// The file; - for standard input
        file: PathBuf,
        /// Tries everything and keeps nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Does what the command says.
pub(crate) async fn run(
    command: Command,
    source: &Source,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<()> {
    let database: DatabaseConfig = source.section()?;
    match command {
        Command::CreateAdmin {
            email,
            password_file,
        } => make_admin(&database, email, password_file, clock, ids).await,
        Command::Import { file, dry_run } => {
            let lines = read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let done = import_users(&database.url, &lines, dry_run, clock, ids).await?;
            let did = if dry_run { "would add" } else { "added" };
            writeln!(
                std::io::stdout(),
                "{did} {}, {} of them inactive; {} there already",
                done.added + done.inactive,
                done.inactive,
                done.present
            )?;
            Ok(())
        }
    }
}

fn read(file: &Path) -> std::io::Result<String> {
    if file == Path::new("-") {
        let mut lines = String::new();
        std::io::stdin().read_to_string(&mut lines)?;
        return Ok(lines);
    }
    std::fs::read_to_string(file)
}

async fn make_admin(
    database: &DatabaseConfig,
    email: String,
    password_file: Option<PathBuf>,
    clock: &SharedClock,
    ids: &SharedIds,
) -> Result<()> {
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
