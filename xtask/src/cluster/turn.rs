//! One run of the cluster's tests at a time: they stop the one operator, freeze the one API server, and end with `down`.

use super::{process::parent, progress::Failure};
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
pub(crate) struct Turn {
    path: PathBuf,
    _file: File,
}

impl Turn {
    /// Takes it, or says who has it.
    pub(crate) fn take() -> Result<Self> {
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

/// Refuses while somebody else's tests run: what is changed under them fails them. What they have begun themselves may go on.
pub(crate) fn respect() -> Result<()> {
    respect_at(Path::new(FILE))
}

fn respect_at(path: &Path) -> Result<()> {
    match holder(path) {
        Some(pid) if !is_below(pid) => Err(taken(path).into()),
        _ => Ok(()),
    }
}

/// The process that has the turn. Not asked by a lock of our own, which would be in the way of one that begins now.
fn holder(path: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let mut open = files.flatten().map(|file| fs::read_link(file.path()));
    open.any(|file| file.is_ok_and(|file| file == path))
        .then_some(pid)
}

/// Whether we were begun by this process, or by one that it has begun.
fn is_below(pid: u32) -> bool {
    let mut ours = Some(std::process::id());
    while let Some(process) = ours {
        if process == pid {
            return true;
        }
        ours = parent(process);
    }
    false
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
    fn who_tests_may_go_on_and_others_may_not() {
        let folder = Folder::new("turn").expect("a folder");
        let path = folder.path().join("lock");
        respect_at(&path).expect("nobody tests");
        // What a killed run left, whose number somebody else has by now.
        let mut stranger = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("a process");
        fs::write(&path, stranger.id().to_string()).expect("written");
        respect_at(&path).expect("no stranger tests");
        stranger.kill().expect("it runs");
        stranger.wait().expect("it ends");
        respect_at(&path).expect("nobody tests");
        let turn = Turn::take_at(&path).expect("nobody has it");
        respect_at(&path).expect("these are ours");
        drop(turn);

        let script = format!("exec 9>>{0}; echo $$ >{0}; echo; read end", path.display());
        let mut other = std::process::Command::new("sh")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let output = other.stdout.as_mut().expect("piped");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line)
            .expect("it has the file");
        let error = respect_at(&path).expect_err("others test").to_string();
        let words = format!("process {} (`cargo xtask test`) is testing", other.id());
        assert!(error.starts_with(&words), "{error}");
        drop(other.stdin.take());
        other.wait().expect("it ends");
        respect_at(&path).expect("nobody tests any more");
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
