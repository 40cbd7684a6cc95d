//! What `cargo xtask check` proves, one rule per file. A rule is a function from what was read to an `Outcome`; the
//! pure ones are tested with code that they accept and code that they reject.

mod bans;
mod cargo;
mod directions;
mod licences;
pub(crate) mod metadata;
mod migrations;
mod scans;
mod scopes;
mod sizes;
pub(crate) mod sources;
mod tables;
mod tree;
mod unused;

use crate::generate;
use anyhow::Result;
use std::time::Instant;

/// What a rule found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// One line each: where, what, and what to do. Empty means passed.
    pub(crate) findings: Vec<String>,
    /// The numbers, printed in any case.
    pub(crate) summary: String,
    /// Why it did not run, if it did not.
    pub(crate) skipped: Option<String>,
}

impl Outcome {
    /// Passed when there are no findings.
    pub(crate) fn of(findings: Vec<String>, summary: String) -> Self {
        Self {
            findings,
            summary,
            skipped: None,
        }
    }

    /// Did not run.
    fn skipped(reason: &str) -> Self {
        Self {
            skipped: Some(reason.to_owned()),
            ..Self::default()
        }
    }
}

/// One step of the check.
pub(crate) struct Step {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// What it proves.
    pub(crate) about: &'static str,
    run: fn() -> Result<Outcome>,
}

/// Every step: the quick ones first, so that a slip shows within seconds.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "every file is formatted",
        run: cargo::fmt,
    },
    Step {
        name: "directions",
        about: "crates depend only on whom they may",
        run: || Ok(directions::run(&metadata::Metadata::load()?)),
    },
    Step {
        name: "unused",
        about: "every dependency is used",
        run: || Ok(unused::run(&metadata::Metadata::load()?, &sources::all()?)),
    },
    Step {
        name: "scans",
        about: "nothing unfinished; SQL, axum and transactions in their places",
        run: || Ok(scans::run(&sources::all()?)),
    },
    Step {
        name: "tables",
        about: "a store names no table of another crate",
        run: || Ok(tables::run(&sources::all()?)),
    },
    Step {
        name: "scopes",
        about: "no function of a store can be called without a scope",
        run: || Ok(scopes::run(&sources::all()?)),
    },
    Step {
        name: "sizes",
        about: "files are small",
        run: || Ok(sizes::run(&sources::all()?)),
    },
    Step {
        name: "bans",
        about: "banned crates are absent and restricted ones are where they belong",
        run: bans::run,
    },
    Step {
        name: "licences",
        about: "every licence is on the list",
        run: licences::run,
    },
    Step {
        name: "advisories",
        about: "no known vulnerability",
        run: bans::advisories,
    },
    Step {
        name: "migrations",
        about: "migrations go up and down again",
        run: migrations::run,
    },
    Step {
        name: "clippy",
        about: "no lint fires, in no target",
        run: cargo::clippy,
    },
    Step {
        name: "rustdoc",
        about: "documentation builds without a warning",
        run: cargo::rustdoc,
    },
    Step {
        name: "generated",
        about: "regenerating the committed files gives no difference",
        run: || generate::check(&[]),
    },
];

/// Runs the chosen steps (all when none is named) and prints each as it ends.
///
/// # Errors
/// When a step found something or could not run.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let started = Instant::now();
    let mut failed = Vec::new();
    let chosen = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    for step in STEPS.iter().filter(chosen) {
        let begun = Instant::now();
        let outcome = (step.run)().unwrap_or_else(|error| {
            Outcome::of(vec![format!("{error:#}")], "could not run".to_owned())
        });
        print(step, &outcome, begun.elapsed().as_secs_f32());
        if !outcome.findings.is_empty() {
            failed.push(step.name);
        }
    }
    println!("\nchecked in {:.0} s", started.elapsed().as_secs_f32());
    anyhow::ensure!(
        failed.is_empty(),
        "these steps failed: {}. Run one again with `cargo xtask check --only {}`",
        failed.join(", "),
        failed[0]
    );
    Ok(())
}

/// One line for the step, its numbers, its findings.
fn print(step: &Step, outcome: &Outcome, seconds: f32) {
    let verdict = match (&outcome.skipped, outcome.findings.is_empty()) {
        (Some(_), _) => "skip",
        (None, true) => "ok",
        (None, false) => "FAIL",
    };
    println!(
        "{verdict:<5} {:<11} {seconds:>6.1} s  {}",
        step.name, step.about
    );
    let notes = outcome.skipped.as_ref().unwrap_or(&outcome.summary);
    for line in notes
        .lines()
        .chain(outcome.findings.iter().map(String::as_str))
    {
        println!("      {line}");
    }
}
