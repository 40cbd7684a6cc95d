//! The Debian packages that the servers and tools come from.

use std::path::Path;

use anyhow::{Result, ensure};

/// A Debian package, known by a file of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Package {
    /// A file that is there when the package is installed.
    pub file: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl Package {
    /// Whether it is installed.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        Path::new(self.file).exists()
    }

    /// Refuses to go on without it.
    pub(crate) fn require(&self) -> Result<()> {
        ensure!(
            self.is_installed(),
            "{} is missing: install the Debian package {}",
            self.file,
            self.name
        );
        Ok(())
    }
}
