//! Prometheus' own tool, which says what rules do with series.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::Package;

/// `promtool`. No server of Prometheus runs for it.
pub struct Promtool;

impl Promtool {
    /// The Debian package that it comes from.
    pub const PACKAGE: Package = Package {
        file: "/usr/bin/promtool",
        name: "prometheus",
    };

    /// Runs the cases of a file, which names the files with the rules.
    ///
    /// # Errors
    /// Each case that came out otherwise, in the tool's words; and when the tool is not installed.
    pub fn test_rules(cases: &Path) -> Result<()> {
        Self::PACKAGE.require()?;
        let said = Command::new(Self::PACKAGE.file)
            .args(["test", "rules"])
            .arg(cases)
            .output()
            .context("start promtool")?;
        ensure!(
            said.status.success(),
            "{}{}",
            String::from_utf8_lossy(&said.stdout),
            String::from_utf8_lossy(&said.stderr)
        );
        Ok(())
    }
}
