//! Where things are: the checkout, the cache outside it, the environment.
//!
//! The one place of this crate that reads environment variables.

use anyhow::{Context as _, Result};
use std::path::{Path, PathBuf};

/// The root of the checkout. Known at compile time: xtask is always run from the tree it was built in.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository's root folder")
}

/// The cache outside the checkout: downloads, built tools, the target folder of CI. Made when absent.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = match env("CREWDECK_CACHE") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env("HOME").context("HOME is not set; set CREWDECK_CACHE")?)
            .join(".cache/crewdeck"),
    };
    std::fs::create_dir_all(&base).with_context(|| format!("make {}", base.display()))?;
    Ok(base)
}

/// An environment variable, if it is set, not empty and valid Unicode.
pub(crate) fn env(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a tool without configuration files: this function is its one reader of the environment"
    )]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads a file below the root, naming it in the error.
pub(crate) fn read(relative: impl AsRef<Path>) -> Result<String> {
    let path = root().join(relative);
    std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}
