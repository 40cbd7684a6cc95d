//! A child process that does not outlive the value that stands for it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long one may take to end when it is asked to, before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A child that is asked to end, then waited for, when dropped.
#[derive(Debug)]
pub struct Child {
    child: std::process::Child,
    /// The signal that asks it.
    pub(crate) end: &'static str,
}

impl Child {
    /// Starts it in a process group of its own, for an interrupt is for us; `end` is the signal that ends it in order,
    /// such as `TERM`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(command: &mut Command, end: &'static str) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        Ok(Self { child, end })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it has ended, if it has.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends a signal to it and its own children.
    pub fn signal(&self, signal: &str) {
        // The group is our child's own, and its number stays taken while one of it is left: this hits a stranger only if all
        // ended long ago and the number came round again.
        let group = format!("-{}", self.id());
        let _ = Command::new("kill")
            .args(["-s", signal, "--", &group])
            .stderr(Stdio::null())
            .status();
    }

    /// Waits until it has ended; `false` when it has not within `limit`.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait(&mut self, limit: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + limit;
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                return Ok(false);
            }
            pause();
        }
        Ok(true)
    }

    /// Kills it and its own children, as a lost machine would.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.signal("KILL");
        // Should there be no program that sends signals.
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !matches!(self.ended(), Ok(None)) {
            // Its own children may not have ended, and nobody waits for them.
            return self.signal("KILL");
        }
        self.signal(self.end);
        if !matches!(self.wait(PATIENCE), Ok(true)) {
            let _ = self.kill();
        }
    }
}

/// Between two looks at a condition.
pub(crate) fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the wait for a condition: it has a deadline"
    )]
    std::thread::sleep(Duration::from_millis(50));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Child {
        Child::start(Command::new("sh").args(["-c", script]), "TERM").expect("a shell")
    }

    fn is_there(id: u32) -> bool {
        std::path::Path::new("/proc").join(id.to_string()).exists()
    }

    #[test]
    fn it_ends_with_its_value() {
        let child = shell("sleep 600");
        let id = child.id();
        assert!(is_there(id));
        drop(child);
        assert!(!is_there(id));
    }

    #[test]
    fn who_does_not_listen_is_killed() -> anyhow::Result<()> {
        let folder = crate::Folder::new("child")?;
        let deaf = folder.path().join("deaf");
        let script = format!(
            "trap '' TERM; : > {}; while :; do sleep 0.1; done",
            deaf.display()
        );
        let mut child = shell(&script);
        let deadline = Instant::now() + PATIENCE;
        while !deaf.exists() {
            anyhow::ensure!(Instant::now() < deadline, "the shell does not begin");
            pause();
        }
        child.signal("TERM");
        assert!(!child.wait(Duration::from_millis(300))?);
        child.kill()?;
        assert!(!is_there(child.id()));
        Ok(())
    }
}
