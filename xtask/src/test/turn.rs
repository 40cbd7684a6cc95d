//! One run of the cluster's tests at a time: they stop the one operator, freeze the one API server, and end with `down`.

use crate::cluster::progress::Failure;
use anyhow::{Context as _, Result};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Beside the cluster's own folders, which `down` removes in the middle of it.
const FILE: &str = "/run/crewdeck-test.lock";

/// Held from the first test to `down`; the kernel lets go of it when this process ends, however it ends.
#[derive(Debug)]
pub(super) struct Turn {
    path: PathBuf,
    _file: File,
}

impl Turn {
    /// Takes it, or says who has it.
    pub(super) fn take() -> Result<Self> {
        Self::take_at(Path::new(FILE))
    }

    fn take_at(path: &Path) -> Result<Self> {
        loop {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("open {}", path.display()))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(path).into()),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            // Whoever had it removes the file: then what we locked is nobody's.
            let same = fs::metadata(path)
                .is_ok_and(|now| file.metadata().is_ok_and(|ours| ours.ino() == now.ino()));
            if same {
                file.set_len(0)?;
                write!(file, "{}", std::process::id())?;
                return Ok(Self {
                    path: path.to_owned(),
                    _file: file,
                });
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn taken(path: &Path) -> Failure {
    // Empty in the moment between its lock and its number.
    let holder = fs::read_to_string(path).unwrap_or_default();
    let process = match holder.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    };
    Failure::new(
        format!(
            "{process} (`cargo xtask test`) is testing on the local cluster, of which there is one"
        ),
        "wait until it ends, or interrupt it; `cargo xtask test --only crates` can run beside it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use common_scratch::Folder;

    #[test]
    fn a_second_run_is_refused_and_told_who_has_the_cluster() {
        let folder = Folder::new("turn").expect("a folder");
        let path = folder.path().join("lock");
        let first = Turn::take_at(&path).expect("nobody has it");
        let error = Turn::take_at(&path).expect_err("one has it").to_string();
        let own = format!(
            "process {} (`cargo xtask test`) is testing",
            std::process::id()
        );
        assert!(error.starts_with(&own), "{error}");
        assert!(error.contains("what to do: wait until it ends"), "{error}");
        drop(first);
        assert!(!path.exists(), "nothing is left");
        Turn::take_at(&path).expect("it is free again");
    }

    #[test]
    fn a_file_that_a_killed_run_left_is_no_turn() {
        let folder = Folder::new("turn").expect("a folder");
        let path = folder.path().join("lock");
        fs::write(&path, "4711").expect("written");
        let turn = Turn::take_at(&path).expect("nobody has it");
        let number = fs::read_to_string(&path).expect("ours");
        assert_eq!(number, std::process::id().to_string());
        drop(turn);
    }
}
