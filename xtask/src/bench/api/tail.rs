//! The tail at half of the greatest rate: requests come when it is their time, whether the ones before are answered or not.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{http::Request, scene::Scene, sides::Side};
use crate::{cluster::process::output, repo};

/// The program that sends them.
const VEGETA: &str = "github.com/tsenart/vegeta/v12@v12.13.0";
/// Seconds of a turn.
const SECONDS: u32 = 8;

/// Latencies in ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tail {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) slowest: f64,
}

/// Installs the program where it is not yet.
pub(super) fn install() -> Result<PathBuf> {
    let (_, version) = VEGETA.rsplit_once('@').context("a version is pinned")?;
    let folder = repo::cache()?.join(format!("vegeta-{version}"));
    let program = folder.join("vegeta");
    if !program.exists() {
        output(
            Command::new("go")
                .args(["install", VEGETA])
                .env("GOBIN", &folder),
        )
        .with_context(|| format!("install {VEGETA}"))?;
    }
    Ok(program)
}

/// Sends requests at `rate` a second.
pub(super) fn tail(
    vegeta: &Path,
    request: &Request,
    side: &Side,
    scene: &Scene,
    rate: f64,
) -> Result<Tail> {
    let (targets, results) = (scene.logs().join("targets"), scene.logs().join("results"));
    let url = format!("http://127.0.0.1:{}{}", side.port, request.path);
    let headers = request.headers().join("\n");
    fs::write(&targets, format!("GET {url}\n{headers}\n"))?;
    output(
        Command::new(vegeta)
            .args(["attack", "-timeout=20s"])
            .arg(format!("-rate={}", rate.max(1.0).round()))
            .arg(format!("-duration={SECONDS}s"))
            .arg(format!("-targets={}", targets.display()))
            .arg(format!("-output={}", results.display())),
    )?;
    let report = output(
        Command::new(vegeta)
            .args(["report", "-type=json"])
            .arg(&results),
    )?;
    parse(&report).with_context(|| format!("{url}: {report}"))
}

#[derive(Deserialize)]
struct Report {
    latencies: Latencies,
    success: f64,
}

/// In nanoseconds.
#[derive(Deserialize)]
struct Latencies {
    #[serde(rename = "50th")]
    p50: f64,
    #[serde(rename = "99th")]
    p99: f64,
    max: f64,
}

fn parse(report: &str) -> Result<Tail> {
    let report: Report = serde_json::from_str(report)?;
    ensure!(report.success >= 1.0, "not every request was answered");
    Ok(Tail {
        p50: report.latencies.p50 / 1e6,
        p99: report.latencies.p99 / 1e6,
        slowest: report.latencies.max / 1e6,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let report = r#"{"latencies":{"total":1,"mean":1,"50th":1500000,"90th":2,"95th":3,"99th":4000000,"max":9000000,
            "min":1},"success":1,"status_codes":{"200":10},"errors":[]}"#;
        let expected = Tail {
            p50: 1.5,
            p99: 4.0,
            slowest: 9.0,
        };
        assert_eq!(parse(report).expect("whole"), expected);
        let refused = report.replace("\"success\":1", "\"success\":0.9");
        assert!(parse(&refused).is_err());
    }
}
