//! A program that runs for as long as its value lives, and not longer than we do.

use crate::cluster::{
    process::{kill, pause},
    progress::tail,
};
use anyhow::{Context as _, Result, bail};
use common_scratch::Child;
use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Last lines of a log that an error shows.
const LINES: usize = 15;

/// What is left to a program that is asked to end; Kubernetes has as much.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running program.
pub(super) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// How a program is run.
pub(super) struct Run<'a> {
    /// Its name, for errors and of its log.
    pub(super) name: &'a str,
    /// The system user; ourselves when there is none.
    pub(super) user: Option<&'a str>,
    /// The signal that ends it, also when we are killed: all of it is thrown away.
    pub(super) end: &'static str,
    /// The folder of its log.
    pub(super) logs: &'a Path,
    /// Whether its standard error is logged too: not where each request is a line there.
    pub(super) errors: bool,
}

impl Process {
    /// Starts it.
    pub(super) fn start(run: &Run<'_>, program: &Command) -> Result<Self> {
        let log = run.logs.join(format!("{}.log", run.name));
        // Of every start of this name, one after the other.
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("make {}", log.display()))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", run.end]);
        if let Some(user) = run.user {
            command.args([
                &format!("--reuid={user}"),
                &format!("--regid={user}"),
                "--init-groups",
            ]);
        }
        command
            .arg("--")
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir(program.get_current_dir().unwrap_or(Path::new("/")));
        for (key, value) in program.get_envs() {
            if let Some(value) = value {
                command.env(key, value);
            }
        }
        let errors = if run.errors {
            Stdio::from(output.try_clone()?)
        } else {
            Stdio::null()
        };
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child =
            Child::start(&mut command, run.end).with_context(|| format!("start {}", run.name))?;
        Ok(Self {
            name: run.name.to_owned(),
            child,
            log,
        })
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something is true that it brings about; fails at once when it ends.
    pub(super) fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        self.wait_with(what, limit, pause, condition)
    }

    /// The same, looking each millisecond: for what is measured by it.
    pub(super) fn wait_closely(
        &mut self,
        what: &str,
        limit: Duration,
        condition: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the wait for a condition: it has a deadline"
        )]
        let pause = || std::thread::sleep(Duration::from_millis(1));
        self.wait_with(what, limit, pause, condition)
    }

    fn wait_with(
        &mut self,
        what: &str,
        limit: Duration,
        pause: impl Fn(),
        mut condition: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while !condition()? {
            if let Some(status) = self.child.ended()? {
                bail!(
                    "{} ended ({status}) before {what}:\n{}",
                    self.name,
                    self.told()
                );
            }
            if Instant::now() > deadline {
                let seconds = limit.as_secs();
                bail!(
                    "waited {seconds} s for {what}, in vain; {}:\n{}",
                    self.name,
                    self.told()
                );
            }
            pause();
        }
        Ok(())
    }

    /// The last lines of its log.
    fn told(&self) -> String {
        tail(&self.log, LINES).join("\n")
    }

    /// Asks it to end, as Kubernetes does, and waits for that; as there it is killed when it does not, which is told.
    pub(super) fn stop(mut self) -> Result<Option<String>> {
        kill("TERM", &[self.child.id()]);
        if self.child.wait(PATIENCE)? {
            return Ok(None);
        }
        let seconds = PATIENCE.as_secs();
        let told = format!(
            "{} went on for {seconds} s after SIGTERM and was killed, so that the next one had to wait for its Lease:\n{}",
            self.name,
            self.told()
        );
        self.kill()?;
        Ok(Some(told))
    }

    /// Kills it, as a lost machine would.
    pub(super) fn kill(mut self) -> Result<()> {
        Ok(self.child.kill()?)
    }
}
