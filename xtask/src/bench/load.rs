//! One turn: wrk against a URL, and what the server's processes used meanwhile.

use anyhow::{Context as _, Result, ensure};
use std::{fs, path::PathBuf, process::Command};

/// Connections that are open at a time.
const CONNECTIONS: &str = "-c16";
/// Units of `utime`, `stime`, `cutime` and `cstime` in `/proc/PID/stat`, per second: fixed for user space on Linux.
const TICKS: f64 = 100.0;

/// What a turn measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// Requests a second.
    pub(super) rate: f64,
    /// CPU of the server, in µs a request.
    pub(super) cpu: f64,
    /// Median latency in ms.
    pub(super) p50: f64,
    /// 99th percentile of the latency in ms.
    pub(super) p99: f64,
}

/// Sends requests to `url` for so many seconds.
pub(super) fn turn(url: &str, token: &str, server: u32, seconds: u32) -> Result<Turn> {
    let before = cpu_seconds(server)?;
    let mut command = Command::new("/usr/bin/wrk");
    command.args(["-t1", CONNECTIONS, &format!("-d{seconds}s"), "--latency"]);
    let output = command
        .args(["-H", &format!("Authorization: Bearer {token}"), url])
        .output()
        .context("start wrk")?;
    let used = cpu_seconds(server)? - before;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk {url}: {text}");
    let turn = parse(&text, used).with_context(|| format!("wrk {url}: {text}"))?;
    Ok(turn)
}

/// Reads wrk's report.
fn parse(text: &str, cpu_seconds: f64) -> Result<Turn> {
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
        cpu: cpu_seconds / requests * 1e6,
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

/// CPU that a process and its children have used, in seconds; those of the children that it has waited for, too.
pub(super) fn cpu_seconds(process: u32) -> Result<f64> {
    let mut sum = 0.0;
    for id in family(process) {
        let stat = match fs::read_to_string(format!("/proc/{id}/stat")) {
            Ok(stat) => stat,
            // A child that has just ended is in its parent's sum from now on.
            Err(_) if id != process => continue,
            Err(error) => return Err(error.into()),
        };
        // The name stands in parentheses and may hold spaces.
        let fields = stat.rsplit_once(") ").context("no name in stat")?.1;
        let ticks: Vec<f64> = fields
            .split(' ')
            .skip(11)
            .take(4)
            .filter_map(|field| field.parse().ok())
            .collect();
        sum += ticks.iter().sum::<f64>() / TICKS;
    }
    Ok(sum)
}

/// Memory that a process and its children hold, in MiB.
pub(super) fn resident_mib(process: u32) -> f64 {
    let kib = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
            .unwrap_or_default()
    };
    family(process).into_iter().map(kib).sum::<f64>() / 1024.0
}

/// A process and its children.
fn family(process: u32) -> Vec<u32> {
    let children = PathBuf::from(format!("/proc/{process}/task/{process}/children"));
    let children = fs::read_to_string(children).unwrap_or_default();
    std::iter::once(process)
        .chain(children.split_whitespace().filter_map(|id| id.parse().ok()))
        .collect()
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
        let turn = parse(REPORT, 2.5).expect("whole");
        let expected = Turn {
            rate: 10_000.0,
            cpu: 50.0,
            p50: 0.87,
            p99: 3.0,
        };
        assert_eq!(turn, expected);
    }

    #[test]
    fn refusals_are_no_measurement() {
        let text = format!("{REPORT}  Non-2xx or 3xx responses: 7\n");
        assert!(parse(&text, 1.0).is_err());
    }
}
