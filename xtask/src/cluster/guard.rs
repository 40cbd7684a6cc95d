//! What must hold before the cluster is touched: the machine can carry it, and nobody else is at it.

use super::{node::CGROUPS, orphans, paths, progress::Failure, turn};
use anyhow::{Context as _, Result};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Says what this machine lacks for a cluster of its own.
pub(crate) fn require() -> Result<()> {
    let existing = "or use a cluster that you have: `cargo xtask up --existing`";
    if !cfg!(target_os = "linux") {
        return Err(Failure::new("the local cluster needs Linux", existing).into());
    }
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        return Err(Failure::new(
            "the local cluster needs root: it makes network namespaces, mounts and control groups",
            format!("run it as root (`sudo -E cargo xtask …`), {existing}"),
        )
        .into());
    }
    if !Path::new(CGROUPS).join("memory").is_dir()
        && !Path::new(CGROUPS).join("cgroup.controllers").exists()
    {
        return Err(Failure::new(
            format!("no control groups are mounted at {CGROUPS}"),
            format!("mount them, {existing}"),
        )
        .into());
    }
    Ok(())
}

/// Held while the cluster is changed. Released by the kernel when this process ends, however it ends.
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Takes the lock, waiting for whoever has it, and not while others test; ends the work that a killed command left going.
    pub(crate) fn take() -> Result<Self> {
        turn::respect()?;
        fs::create_dir_all(paths::STATE).with_context(|| format!("make {}", paths::STATE))?;
        let path = paths::state("lock");
        loop {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .with_context(|| format!("open {}", path.display()))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    eprintln!("another `cargo xtask` is changing the cluster; waiting for it …");
                    file.lock()?;
                }
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            // `down` removes the file: then the lock that we have is on nothing.
            let same = fs::metadata(&path)
                .is_ok_and(|now| file.metadata().is_ok_and(|ours| ours.ino() == now.ino()));
            if same {
                // Somebody may have begun to test while we waited.
                turn::respect()?;
                let orphans = orphans::end();
                if orphans > 0 {
                    eprintln!("ended {orphans} processes that a killed command had left working");
                }
                return Ok(Self(file));
            }
            fs::create_dir_all(paths::STATE)?;
        }
    }
}
