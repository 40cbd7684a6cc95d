//! The folder of a run, which goes with it, however it ends.

use anyhow::{Context as _, Result};
use common_scratch::Folder;
use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Waits until nobody holds its input any more, which is so when we are dead, then removes the folder. What still writes there
/// is about to end: the kernel has told it.
const SWEEP: &str = r#"
cat >/dev/null
for n in $(seq 100); do rm -rf "$1" 2>/dev/null; [ -e "$1" ] || exit 0; sleep 0.2; done
"#;

/// A temporary folder that every server's user may enter.
pub(super) struct Scene {
    sweeper: Child,
    folder: Folder,
}

impl Scene {
    /// Makes it.
    pub(super) fn new() -> Result<Self> {
        let folder = Folder::new("bench-operator")?;
        let sweeper = Command::new("sh")
            .args(["-c", SWEEP, "sh"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt is for us.
            .process_group(0)
            .spawn()
            .context("start sh")?;
        // To go through, not to look into; each file has an owner and a mode of its own.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        Ok(Self { sweeper, folder })
    }

    /// A path in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}
