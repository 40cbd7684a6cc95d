//! `crewdeck keys`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use common_auth::keys::{BITS, SigningKey};
use common_clock::SharedIds;
use secrecy::ExposeSecret as _;
use serde_json::json;

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Makes a signing key and its key set, for running without the operator
    Generate {
        /// Folder for `signing.jwk` (for role web alone) and `jwks.json` (for roles web and analytics)
        folder: PathBuf,
    },
}

/// Where the two halves of a key are.
#[derive(Debug)]
pub(crate) struct Files {
    /// The private half; `signing.key_file`.
    pub(crate) signing: PathBuf,
    /// The public half; `auth.jwks_file`.
    pub(crate) set: PathBuf,
}

/// Does what the command says.
pub(crate) async fn run(command: Command, ids: &SharedIds) -> Result<()> {
    let Command::Generate { folder } = command;
    let files = generate(&folder, ids).await?;
    writeln!(
        std::io::stdout(),
        "signing.key_file = \"{}\"\nauth.jwks_file   = \"{}\"",
        files.signing.display(),
        files.set.display()
    )?;
    Ok(())
}

/// Makes a key in `folder`; one that is there is never overwritten.
pub(crate) async fn generate(folder: &Path, ids: &SharedIds) -> Result<Files> {
    let files = Files {
        signing: folder.join("signing.jwk"),
        set: folder.join("jwks.json"),
    };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let ids = SharedIds::clone(ids);
    let key = tokio::task::spawn_blocking(move || SigningKey::generate(BITS, ids.as_ref()))
        .await
        .context("making a key")??;
    create(&files.signing, 0o600, key.private_jwk().expose_secret())?;
    let set = json!({"keys": [key.public_jwk()]});
    create(&files.set, 0o644, &set.to_string())?;
    Ok(files)
}

/// A new file with this content.
fn create(path: &Path, mode: u32, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}
