//! What PostgreSQL itself does with the statement of a create: the limit of every side.

use anyhow::{Context as _, Result};
use std::process::Command;

use super::{load::CONNECTIONS, scene::Scene};
use crate::{cluster::process::output, repo};

/// Statements a second, and ms that one takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    pub(super) rate: f64,
    pub(super) latency: f64,
}

/// Runs `tests/bench/sql/create.pgbench.sql` on as many connections as the loads have.
pub(super) fn limit(scene: &Scene, seconds: u32) -> Result<Limit> {
    let person = "select id from users where email = 'person1@bench.example'";
    let person = scene.sql(person)?;
    let script = repo::root().join("tests/bench/sql/create.pgbench.sql");
    let report = output(
        Command::new("/usr/lib/postgresql/15/bin/pgbench")
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .arg(format!("--client={CONNECTIONS}"))
            .arg(format!("--time={seconds}"))
            .arg(format!("--define=team={}", scene.team))
            .arg(format!("--define=person={person}"))
            .arg(format!("--file={}", script.display()))
            .arg(scene.database()),
    )?;
    parse(&report).with_context(|| format!("pgbench: {report}"))
}

fn parse(report: &str) -> Result<Limit> {
    let after = |label: &str| {
        let line = report.lines().find_map(|line| line.strip_prefix(label));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        let figure = word.and_then(|word| word.parse().ok());
        figure.with_context(|| format!("there is no {label}"))
    };
    Ok(Limit {
        rate: after("tps = ")?,
        latency: after("latency average = ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let report = "number of failed transactions: 0 (0.000%)\nlatency average = 2.712 ms\n\
            initial connection time = 24.020 ms\ntps = 5899.705 (without initial connection time)\n";
        let expected = Limit {
            rate: 5899.705,
            latency: 2.712,
        };
        assert_eq!(parse(report).expect("whole"), expected);
    }
}
