//! The types of every query, so that the workspace compiles without a database: what `cargo sqlx prepare` does, without
//! having to install it. The macros write what the database says into a folder as a side effect of a check.

use super::Made;
use crate::{
    check::{metadata::Metadata, sources},
    install,
    migrations::{self, Direction},
    repo,
};
use anyhow::{Context as _, Result};
use common_scratch::{Folder, Postgres};
use std::{
    fs::{self, File, FileTimes},
    path::{Path, PathBuf},
    time::SystemTime,
};
use xshell::{Shell, cmd};

/// What makes a crate one that asks the database at compile time.
const MACROS: &[&str] = &[
    concat!("query", "!("),
    concat!("query_as", "!("),
    concat!("query_scalar", "!("),
];

/// Checks every crate with queries against a fresh database.
pub(super) fn make() -> Result<Made> {
    let packages = packages()?;
    install::ensure(&[Postgres::PACKAGE])?;
    let postgres = Postgres::start()?;
    migrations::apply(&postgres, "crewdeck", Direction::Up)?;
    let folder = Folder::new("queries")?;
    // Cargo does not know that the macros write files: without this it would not run them again.
    for (_, roots) in &packages {
        roots.iter().try_for_each(|root| touch(root))?;
    }
    let selection = packages.iter().flat_map(|(name, _)| ["--package", name]);
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    shell.set_var("DATABASE_URL", postgres.url("crewdeck"));
    shell.set_var("SQLX_OFFLINE", "false");
    shell.set_var("SQLX_OFFLINE_DIR", folder.path());
    cmd!(
        shell,
        "cargo check --quiet --all-targets --all-features {selection...}"
    )
    .quiet()
    .run()
    .context("check the queries against the migrated database")?;
    let mut made = Made {
        owned: vec![(PathBuf::from(".sqlx"), ".json")],
        ..Made::default()
    };
    for entry in fs::read_dir(folder.path())? {
        let path = entry?.path();
        let name = path.file_name().context("a file has a name")?;
        made.files.insert(
            PathBuf::from(".sqlx").join(name),
            fs::read_to_string(&path)?,
        );
    }
    Ok(made)
}

/// The packages with queries, each with the roots of its targets.
fn packages() -> Result<Vec<(String, Vec<PathBuf>)>> {
    let sources = sources::all()?;
    let mut found = Vec::new();
    for package in Metadata::load()?.packages {
        let folder = package.folder();
        let own = |part: &str| {
            let part = folder.join(part);
            sources
                .iter()
                .filter(move |source| repo::root().join(&source.path).starts_with(&part))
        };
        let asks = own("src")
            .chain(own("tests"))
            .any(|source| MACROS.iter().any(|name| source.text.contains(name)));
        if asks && package.name != "xtask" {
            let roots = ["src/lib.rs", "src/main.rs", "tests/it/main.rs"]
                .iter()
                .map(|root| folder.join(root))
                .filter(|root| root.is_file())
                .collect();
            found.push((package.name, roots));
        }
    }
    anyhow::ensure!(!found.is_empty(), "no crate has a query");
    Ok(found)
}

/// Makes a file look changed to cargo.
fn touch(path: &Path) -> Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo compares the file's time with the clock of the machine"
    )]
    let now = SystemTime::now();
    File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_times(FileTimes::new().set_modified(now)))
        .with_context(|| format!("touch {}", path.display()))
}
