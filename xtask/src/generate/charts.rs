//! The charts rendered with their default values, for those who install without Helm.

use super::Made;
use crate::{cluster, repo};
use anyhow::Result;
use std::path::PathBuf;
use xshell::{Shell, cmd};

/// Each chart with the release that its objects are named after, and the namespace they go to.
const CHARTS: &[(&str, &str, &str)] = &[
    ("crewdeck-crds", "crewdeck-crds", "crewdeck-system"),
    ("crewdeck-operator", "crewdeck-operator", "crewdeck-system"),
    ("crewdeck-platform", "demo", "crewdeck"),
];

/// Renders every chart.
pub(super) fn make() -> Result<Made> {
    let helm = cluster::build::helm()?;
    let shell = Shell::new()?;
    shell.change_dir(repo::root());
    let mut made = Made {
        owned: vec![(PathBuf::from("manifests"), ".yaml")],
        ..Made::default()
    };
    for (chart, release, namespace) in CHARTS {
        let text = cmd!(
            shell,
            "{helm} template {release} charts/{chart} --namespace {namespace} --skip-tests"
        )
        .quiet()
        .read()?;
        made.files.insert(
            PathBuf::from(format!("manifests/{chart}.yaml")),
            format!("# Rendered from charts/{chart} by `cargo xtask gen manifests`; do not edit.\n{text}\n"),
        );
    }
    Ok(made)
}
