//! One turn: wrk against a side, and what the side and PostgreSQL used meanwhile.

use anyhow::{Context as _, Result, ensure};
use std::process::Command;

use crate::bench::usage::cpu_seconds;

/// Connections that are open at a time.
pub(super) const CONNECTIONS: u32 = 16;

/// What a turn measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// Requests a second.
    pub(super) rate: f64,
    /// CPU of the server, in µs a request.
    pub(super) cpu: f64,
    /// CPU of PostgreSQL, in µs a request.
    pub(super) database: f64,
    /// Median latency in ms.
    pub(super) p50: f64,
    /// 99th percentile of the latency in ms.
    pub(super) p99: f64,
}

/// Runs wrk for so many seconds; `wrk` has the URL and what is sent.
pub(super) fn turn(wrk: &Wrk, server: u32, database: u32, seconds: u32) -> Result<Turn> {
    let before = [cpu_seconds(server)?, cpu_seconds(database)?];
    let output = wrk.command(seconds).output().context("start wrk")?;
    let used = [
        cpu_seconds(server)? - before[0],
        cpu_seconds(database)? - before[1],
    ];
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let told = || format!("wrk {}: {text}{errors}", wrk.url);
    ensure!(output.status.success() && errors.is_empty(), "{}", told());
    parse(&text, used).with_context(told)
}

/// What wrk is to send.
#[derive(Debug, Clone, Default)]
pub(super) struct Wrk {
    pub(super) url: String,
    pub(super) headers: Vec<String>,
    /// A script below `tests/bench/wrk`, with its arguments.
    pub(super) script: Option<(&'static str, Vec<String>)>,
    /// A thread for each connection, for scripts that remember what was answered.
    pub(super) remembers: bool,
}

impl Wrk {
    fn command(&self, seconds: u32) -> Command {
        let threads = if self.remembers { CONNECTIONS } else { 1 };
        let mut command = Command::new("/usr/bin/wrk");
        command.args([
            &format!("-t{threads}"),
            &format!("-c{CONNECTIONS}"),
            &format!("-d{seconds}s"),
            "--timeout=20s",
            "--latency",
        ]);
        for header in &self.headers {
            command.args(["-H", header]);
        }
        if let Some((script, arguments)) = &self.script {
            let folder = crate::repo::root().join("tests/bench/wrk");
            command.arg("-s").arg(folder.join(script)).arg(&self.url);
            command.arg("--").args(arguments);
        } else {
            command.arg(&self.url);
        }
        command
    }
}

/// Reads wrk's report.
fn parse(text: &str, [cpu, database]: [f64; 2]) -> Result<Turn> {
    // wrk counts 4xx and 5xx, and says nothing when there are none.
    ensure!(
        !text.contains("Non-2xx or 3xx") && !text.contains("Socket errors"),
        "not every request was answered"
    );
    let after = |label: &str| {
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.with_context(|| format!("there is no {label}"))
    };
    let requests: f64 = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .context("there is no count")?
        .0
        .parse()?;
    ensure!(requests > 0.0, "no request was answered");
    Ok(Turn {
        rate: after("Requests/sec:")?.parse()?,
        cpu: cpu / requests * 1e6,
        database: database / requests * 1e6,
        p50: milliseconds(after("50%")?)?,
        p99: milliseconds(after("99%")?)?,
    })
}

/// `1.20ms`, `870.00us` or `1.05s`, in milliseconds.
fn milliseconds(text: &str) -> Result<f64> {
    let units = [("us", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4)];
    let (number, scale) = units
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))
        .with_context(|| format!("{text} is no duration"))?;
    Ok(number.parse::<f64>()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 5s test @ http://127.0.0.1:1/\n  1 threads and 16 connections\n\
        \x20 Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.20ms  300us   9.00ms   90.00%\n\
        \x20 Latency Distribution\n     50%  870.00us\n     75%    1.10ms\n     90%    1.50ms\n     99%    3.00ms\n\
        \x20 50000 requests in 5.00s, 10.00MB read\nRequests/sec:  10000.00\nTransfer/sec:      2.00MB\n";

    #[test]
    fn a_report_is_read() {
        let turn = parse(REPORT, [2.5, 1.0]).expect("whole");
        let expected = Turn {
            rate: 10_000.0,
            cpu: 50.0,
            database: 20.0,
            p50: 0.87,
            p99: 3.0,
        };
        assert_eq!(turn, expected);
    }

    #[test]
    fn refusals_are_no_measurement() {
        let text = format!("{REPORT}  Non-2xx or 3xx responses: 7\n");
        assert!(parse(&text, [1.0, 1.0]).is_err());
    }
}
