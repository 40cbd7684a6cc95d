//! Temporary folders.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Context as _, Result};

/// A folder below the system's temporary one, removed with its content when dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a new, empty folder that only its owner can read.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(name: &str) -> Result<Self> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("crewdeck-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        // Passwords lie in some of them.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Best effort: what is left lies in the temporary folder and does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
