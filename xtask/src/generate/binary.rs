//! What the program says about itself: OpenAPI, the schemas of events, the schema of its configuration.

use super::Made;
use crate::repo;
use anyhow::{Context as _, Result};
use common_scratch::Folder;
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

/// Files with the program's output.
fn printed(files: &[(&str, &[&str])]) -> Result<Made> {
    let mut made = Made::default();
    for (path, arguments) in files {
        made.files.insert(PathBuf::from(path), crewdeck(arguments)?);
    }
    Ok(made)
}

/// The HTTP APIs.
pub(super) fn openapi() -> Result<Made> {
    printed(&[
        ("docs/openapi.json", &["openapi", "web"]),
        ("docs/openapi-analytics.json", &["openapi", "analytics"]),
    ])
}

/// The configuration file.
pub(super) fn config() -> Result<Made> {
    printed(&[("docs/config.schema.json", &["config", "schema"])])
}

/// One schema per type of event.
pub(super) fn events() -> Result<Made> {
    let folder = Folder::new("events")?;
    crewdeck(&["schemas", &folder.path().to_string_lossy()])?;
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
    anyhow::ensure!(!made.files.is_empty(), "`crewdeck schemas` made no file");
    Ok(made)
}
