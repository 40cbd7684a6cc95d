//! What a person sees while a long command works: one line a step with its elapsed time, and a table at the end.
//!
//! On a terminal the current step is a spinner with what it is doing; elsewhere (CI) there are plain lines. All of it
//! goes to standard error: standard output is for results.

use anyhow::{Error, Result};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    fmt::{self, Write as _},
    io::IsTerminal as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The steps so far.
pub(crate) struct Progress {
    begun: Instant,
    total: usize,
    taken: Vec<(String, Duration)>,
    terminal: bool,
}

/// The step that runs now.
pub(crate) struct Step {
    bar: Option<ProgressBar>,
}

impl Step {
    /// A step of no bring-up: what it says goes to stderr.
    pub(crate) fn plain() -> Self {
        Self { bar: None }
    }

    /// Tells what the step is doing.
    pub(crate) fn say(&self, message: impl fmt::Display) {
        match &self.bar {
            Some(bar) => bar.set_message(message.to_string()),
            None => eprintln!("      {message}"),
        }
    }
}

impl Progress {
    /// Begins a command of this many steps.
    pub(crate) fn new(total: usize) -> Self {
        Self {
            begun: Instant::now(),
            total,
            taken: Vec::new(),
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Runs one step.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        run: impl FnOnce(&Step) -> Result<T>,
    ) -> Result<T> {
        let place = format!("[{:>2}/{}]", self.taken.len() + 1, self.total);
        let step = if self.terminal {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{prefix} {spinner} {elapsed} {wide_msg}")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.set_prefix(format!("{place} {name}"));
            bar.enable_steady_tick(Duration::from_millis(100));
            Step { bar: Some(bar) }
        } else {
            eprintln!("{place} {name} …");
            Step { bar: None }
        };
        let begun = Instant::now();
        let outcome = run(&step);
        let took = begun.elapsed();
        if let Some(bar) = &step.bar {
            bar.finish_and_clear();
        }
        let word = if outcome.is_ok() { "done" } else { "FAILED" };
        eprintln!("{place} {name:<28} {word} {:>7.1} s", took.as_secs_f32());
        self.taken.push((name.to_owned(), took));
        outcome.map_err(|error| advised(error).context(format!("step `{name}` failed")))
    }

    /// What took how long, in order, with the sum.
    pub(crate) fn table(&self) -> String {
        table(&self.taken, self.begun.elapsed())
    }
}

fn table(taken: &[(String, Duration)], whole: Duration) -> String {
    const SUM: &str = "in all";

    let names = taken.iter().map(|(name, _)| name.len());
    let width = names.chain([SUM.len()]).max().unwrap_or(0);
    let mut text = String::new();
    for (name, took) in taken {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:<width$}  {:>7.1} s", took.as_secs_f32());
    }
    text + &format!("{SUM:<width$}  {:>7.1} s\n", whole.as_secs_f32())
}

/// A failure with what a person needs next: the log's last lines and what to do.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    log: Option<PathBuf>,
    advice: String,
}

impl Failure {
    /// What failed, and what to do about it.
    pub(crate) fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            log: None,
            advice: advice.into(),
        }
    }

    /// The log that tells more.
    pub(crate) fn with_log(mut self, log: &Path) -> Self {
        self.log = Some(log.to_owned());
        self
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        if let Some(log) = &self.log {
            write!(f, "\n\n  the last lines of {}:", log.display())?;
            for line in tail(log, 15) {
                write!(f, "\n    {line}")?;
            }
        }
        write!(f, "\n\n  what to do: {}", self.advice)
    }
}

/// An error that says what to do: its own words when it has some.
fn advised(error: Error) -> Error {
    if error.downcast_ref::<Failure>().is_some() {
        return error;
    }
    Failure::new(
        format!("{error:#}"),
        "run the command again, it goes on where it stands; when it fails the same way, the cause is what stands above",
    )
    .into()
}

/// The last lines of a file; none when it cannot be read.
pub(crate) fn tail(path: &Path, lines: usize) -> Vec<String> {
    // A log may hold bytes that are not text.
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_step_and_the_sum() {
        let taken = [
            ("build".to_owned(), Duration::from_secs(12)),
            ("nodes".to_owned(), Duration::from_millis(2500)),
        ];
        let text = table(&taken, Duration::from_secs(15));
        assert_eq!(
            text,
            "build      12.0 s\nnodes       2.5 s\nin all     15.0 s\n"
        );
    }

    #[test]
    fn every_failed_step_says_what_to_do() {
        let mut progress = Progress::new(2);
        let mut failed = |error: Error| -> String {
            let outcome: Result<()> = progress.step("nodes", |_| Err(error));
            format!("{:#}", outcome.expect_err("it failed"))
        };
        let bare = failed(anyhow::anyhow!("no route").context("ask the node"));
        assert!(
            bare.starts_with("step `nodes` failed: ask the node: no route\n\n  what to do: run"),
            "{bare}"
        );
        let own = failed(Error::from(Failure::new("no disk", "buy one")).context("look"));
        assert_eq!(
            own,
            "step `nodes` failed: look: no disk\n\n  what to do: buy one"
        );
    }

    #[test]
    fn a_failure_says_what_and_what_to_do() {
        let text = Failure::new("etcd ended", "look at it").to_string();
        assert_eq!(text, "etcd ended\n\n  what to do: look at it");
    }
}
