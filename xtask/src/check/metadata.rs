//! What `cargo metadata` says about our own packages. Only the fields that the rules read.

use crate::repo;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};
use xshell::{Shell, cmd};

/// The workspace: its members and their declared dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Every member, in no particular order.
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// `[package.metadata]`; null when there is none.
    #[serde(default)]
    pub(crate) metadata: Option<ToolMetadata>,
}

/// `[package.metadata]`: what the manifest tells this tool.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ToolMetadata {
    /// Dependencies that no source names, each with the reason for having it.
    #[serde(default)]
    pub(crate) unused: BTreeMap<String, String>,
}

/// One declared dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) rename: Option<String>,
    #[serde(default)]
    pub(crate) features: Vec<String>,
    /// Set for dependencies inside the workspace.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

impl Dependency {
    /// Whether only tests, examples and benches see it.
    pub(crate) fn is_dev(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }

    /// The name that sources use.
    pub(crate) fn ident(&self) -> String {
        self.rename.as_ref().unwrap_or(&self.name).replace('-', "_")
    }
}

impl Package {
    /// The folder of the package.
    pub(crate) fn folder(&self) -> PathBuf {
        self.manifest_path
            .parent()
            .map_or_else(PathBuf::new, PathBuf::from)
    }
}

impl Metadata {
    /// Asks cargo; resolves nothing, so it needs no network.
    pub(crate) fn load() -> Result<Self> {
        let shell = Shell::new()?;
        shell.change_dir(repo::root());
        let json = cmd!(shell, "cargo metadata --format-version 1 --no-deps")
            .quiet()
            .read()?;
        serde_json::from_str(&json).context("read the answer of cargo metadata")
    }
}
