//! A child process that is a server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::child::{Child, pause};
use crate::user::{as_user, continue_with};

/// A running server with its log; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    pub(crate) child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a program as a system user (as ourselves when we are not root) with its output in a file.
    pub(crate) fn start(
        name: &'static str,
        user: &str,
        log: PathBuf,
        program: &Command,
    ) -> Result<Self> {
        Self::spawn(name, log, &mut as_user(user, program))
    }

    /// The same inside a network namespace, which only root may enter.
    pub(crate) fn start_in(
        namespace: &Path,
        name: &'static str,
        user: &str,
        log: PathBuf,
        program: &Command,
    ) -> Result<Self> {
        let inside = as_user(user, program);
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", namespace.display()));
        continue_with(&mut command, &inside);
        Self::spawn(name, log, &mut command)
    }

    fn spawn(name: &'static str, log: PathBuf, command: &mut Command) -> Result<Self> {
        let output = fs::File::create(&log).with_context(|| format!("make {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = Child::start(command, "TERM").with_context(|| format!("start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until `ready` is true; fails early, with the log's end, when the process is gone.
    pub(crate) fn wait(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.ended()? {
                bail!("{} ended at once ({status}):\n{}", self.name, self.tail());
            }
            if ready() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "{} is not ready after {} s:\n{}",
                    self.name,
                    limit.as_secs(),
                    self.tail()
                );
            }
            pause();
        }
    }

    /// The last lines of the log.
    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}
