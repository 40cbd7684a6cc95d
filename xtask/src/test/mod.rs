//! What `cargo xtask test` starts, runs and counts.

mod cluster;
mod count;
mod crates;
mod images;

use crate::{
    cluster::{require, turn::Turn},
    repo,
};
use anyhow::{Context as _, Result};
use count::Count;
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// One half of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Every crate by itself, on a PostgreSQL and a Redis of our own
    Crates,
    /// The whole, on the local cluster
    Cluster,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The halves, in this order; empty means both.
    pub(crate) only: Vec<Part>,
    /// The long fault tests too.
    pub(crate) faults: bool,
    /// Leave the cluster running.
    pub(crate) keep: bool,
    /// Only tests whose name contains this.
    pub(crate) filter: Option<String>,
}

/// The steps so far: what each counted and how long it took.
#[derive(Debug, Default)]
struct Report {
    /// Only some tests are wanted, so a step may have none of them.
    filtered: bool,
    steps: Vec<(String, Duration, Count)>,
}

impl Report {
    /// Runs a step that has no tests; its failure counts as one.
    fn step(&mut self, name: &str, run: impl FnOnce() -> Result<()>) -> bool {
        self.record(name, || run().map(|()| Count::default()))
    }

    /// Runs a step with tests. An error that no test reported counts as one failed.
    fn counted(&mut self, name: &str, run: impl FnOnce() -> Result<Count>) -> bool {
        let filtered = self.filtered;
        self.record(name, || {
            let count = run()?;
            // A step whose tests are not there is red: it looks like proof and is none.
            anyhow::ensure!(filtered || count.passed + count.failed > 0, "no test ran");
            Ok(count)
        })
    }

    /// Runs a step and keeps what it counted.
    fn record(&mut self, name: &str, run: impl FnOnce() -> Result<Count>) -> bool {
        println!("\n==> {name}");
        let begun = Instant::now();
        let count = run().unwrap_or_else(|error| {
            println!("error: {name}: {error:#}");
            Count {
                passed: 0,
                failed: 1,
            }
        });
        self.steps.push((name.to_owned(), begun.elapsed(), count));
        count.failed == 0
    }

    /// Prints the table and the line that CI reads; it is the last one.
    fn close(&self) -> Count {
        let mut total = Count::default();
        println!(
            "\n{:<34} {:>8} {:>8} {:>8}",
            "step", "seconds", "passed", "failed"
        );
        for (name, took, count) in &self.steps {
            total += *count;
            println!(
                "{name:<34} {:>8.0} {:>8} {:>8}",
                took.as_secs_f32(),
                count.passed,
                count.failed
            );
        }
        println!("\n{} passed, {} failed", total.passed, total.failed);
        total
    }
}

/// Runs the plan.
///
/// # Errors
/// When a test failed, or none ran; at once when the cluster cannot be had.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let mut report = Report {
        filtered: plan.filter.is_some(),
        ..Report::default()
    };
    let wanted = |part| plan.only.is_empty() || plan.only.contains(&part);
    // At once, not after the half that needs no cluster.
    let _turn = if wanted(Part::Cluster) {
        require().context("`--only crates` runs the tests that need no cluster")?;
        Some(Turn::take()?)
    } else {
        None
    };
    if wanted(Part::Crates) {
        crates::run(plan, &mut report);
    }
    if wanted(Part::Cluster) {
        cluster::run(plan, &mut report);
    }
    let total = report.close();
    anyhow::ensure!(total.failed == 0, "{} tests failed", total.failed);
    anyhow::ensure!(total.passed > 0, "no test ran");
    Ok(())
}

/// `cargo test` of the whole workspace, whatever is chosen from it then: for a smaller selection cargo would build
/// everything again, with other features.
fn workspace(mut cargo: Command) -> Command {
    cargo
        .args(["test", "--workspace", "--no-fail-fast"])
        .current_dir(repo::root())
        .env("SQLX_OFFLINE", "true");
    cargo
}

/// What took so long that somebody may ask where the time went.
const SLOW: Duration = Duration::from_secs(20);

/// Runs a `cargo test`, passing its output on line by line while counting. In the end it names what took long, which of
/// tests that run one after the other is the time since the line before.
fn cargo_test(command: &mut Command) -> Result<Count> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {command:?}"))?;
    let output = child.stdout.take().context("the output is a pipe")?;
    let mut count = Count::default();
    let mut slow = Vec::new();
    let mut since = Instant::now();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if line.starts_with("test ") && since.elapsed() >= SLOW {
            slow.push((since.elapsed(), line.clone()));
        }
        since = Instant::now();
        if let Some(more) = Count::of_line(&line) {
            count += more;
        }
    }
    slow.sort_by_key(|(took, _)| std::cmp::Reverse(*took));
    for (took, line) in slow {
        println!("{:>5} s  {line}", took.as_secs());
    }
    let status = child.wait()?;
    if !status.success() && count.failed == 0 {
        // It did not compile, or a test program ended without a result.
        count.failed = 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_should_have_tests_and_has_none_is_red() {
        let mut report = Report::default();
        assert!(report.step("start", || Ok(())));
        assert!(!report.counted("tests", || Ok(Count::default())));
        let total = report.close();
        assert_eq!((total.passed, total.failed), (0, 1));
    }
}
