//! What the program says about itself: OpenAPI, the schemas of events, the schema of its configuration.

use super::Made;
use crate::{repo, scratch::Folder};
use anyhow::{Context as _, Result};
use std::{fs, path::PathBuf};
use xshell::{Shell, cmd};

/// Runs the program with these arguments; queries are compiled from the committed `.sqlx`.
fn crewdeck(arguments: &[&str]) -> Result<String> {
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    shell.set_var("SQLX_OFFLINE", "true");
    let text = cmd!(
        shell,
        "cargo run --quiet --package crewdeck -- {arguments...}"
    )
    .quiet()
    .read()?;
    Ok(format!("{text}\n"))
}

/// A single file with the program's output.
fn single(path: &str, arguments: &[&str]) -> Result<Made> {
    Ok(Made {
        files: [(PathBuf::from(path), crewdeck(arguments)?)].into(),
        ..Made::default()
    })
}

/// The HTTP API.
pub(super) fn openapi() -> Result<Made> {
    single("docs/openapi.json", &["openapi"])
}

/// The configuration file.
pub(super) fn config() -> Result<Made> {
    single("docs/config.schema.json", &["config", "schema"])
}

/// One schema per type of event.
pub(super) fn events() -> Result<Made> {
    let folder = Folder::new("events")?;
    crewdeck(&["schemas", "events", &folder.path().to_string_lossy()])?;
    let mut made = Made {
        owned: vec![(PathBuf::from("docs/events"), ".json")],
        ..Made::default()
    };
    for entry in fs::read_dir(folder.path())? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?;
        made.files.insert(
            PathBuf::from("docs/events").join(name),
            fs::read_to_string(&path)?,
        );
    }
    anyhow::ensure!(
        !made.files.is_empty(),
        "`crewdeck schemas events` made no file"
    );
    Ok(made)
}
