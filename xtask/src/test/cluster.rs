//! The tests on the local cluster. They run inside its network namespace, where every server has its own address and
//! nothing of this machine is in the way; so cargo builds first, outside, where it can reach the registry.

use super::{Plan, Report, cargo_test, images, workspace};
use crate::{
    cluster::{
        process::{self, alive},
        progress::Failure,
    },
    install,
};
use anyhow::{Context as _, Result};
use common_scratch::{Folder, Package, RabbitMq};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the cluster's processes live.
const NAMESPACE: &str = "/run/netns/crewdeck";

/// Brings the cluster up, runs the tests, takes it down unless it was up.
pub(super) fn run(plan: &Plan, report: &mut Report) {
    let was_up = alive("apiserver").is_some();
    // Also where it is up: what runs there may be of a former commit, or half of a bring-up that was killed.
    if report.step("cluster up", || xtask(&["up"])) {
        test(plan, report);
    }
    if !plan.keep && !was_up {
        report.step("cluster down", || xtask(&["down"]));
    }
}

/// The test programs, built and then run.
fn test(plan: &Plan, report: &mut Report) {
    let mut made = None;
    let prepared = report.step("build the cluster's tests", || {
        made = Some(Prepared::new()?);
        install::ensure(PACKAGES)?;
        let status = workspace(Command::new("cargo")).arg("--no-run").status()?;
        anyhow::ensure!(status.success(), "cargo test --workspace --no-run failed");
        Ok(())
    });
    let Some(prepared) = made.filter(|_| prepared) else {
        return;
    };
    if plan.filter.is_none() {
        report.counted("transports on real brokers", || {
            let broker = RabbitMq::start_in(Path::new(NAMESPACE))?;
            let mut command = prepared.cargo(TRANSPORTS);
            command.env("CREWDECK_TEST_RABBITMQ_URL", broker.url());
            cargo_test(&mut command)
        });
        report.counted("provisioning on real servers", || {
            cargo_test(&mut prepared.cargo(PROVISIONING))
        });
    }
    report.counted("end to end", || {
        let mut command = prepared.cargo(JOURNEYS);
        // With the tables that they print: what was covered, and how long it took.
        command.arg("--show-output");
        if plan.faults {
            command.env("CREWDECK_FAULTS", "1");
        } else if plan.filter.is_none() {
            command.args(["--skip", LONG]);
        }
        command.args(plan.filter.iter());
        cargo_test(&mut command)
    });
}

/// What the tests use: a broker that the cluster has not, and a library that is not ours, to verify our tokens with.
const PACKAGES: &[Package] = &[
    RabbitMq::PACKAGE,
    Package {
        file: "/usr/lib/python3/dist-packages/jwt/__init__.py",
        name: "python3-jwt",
    },
    Package {
        file: "/usr/lib/python3/dist-packages/cryptography/__init__.py",
        name: "python3-cryptography",
    },
];

/// The conformance suite of the transports, on the brokers that the tests of the crates had not.
const TRANSPORTS: &[&str] = &[
    "--test",
    "it",
    "--",
    "kafka::conformance_kafka",
    "rabbitmq::conformance_rabbitmq",
];

/// What the operator does on Kafka, on Redis with TLS and on PostgreSQL with a replica.
const PROVISIONING: &[&str] = &[
    "--lib",
    "--",
    "apply::kafka",
    "apply::redis",
    "apply::postgres::replicated",
];

/// End to end, one after the other: they share the cluster.
const JOURNEYS: &[&str] = &["--test", "e2e", "--", "--test-threads=1"];

/// Beginning of the names of those that take many minutes: they run with all faults, or when they are asked for.
const LONG: &str = "e2e_long_";

/// What the tests are told about the cluster.
struct Prepared {
    folder: Folder,
}

impl Prepared {
    /// Writes the cluster's status and Kafka's credentials where the tests look for them.
    fn new() -> Result<Self> {
        let folder = Folder::new("tests")?;
        let mut status = status()?;
        let Some(image) = status["image"].as_str().map(str::to_owned) else {
            return Err(Failure::new(
                "the cluster has no sample Platform, whose image the tests upgrade",
                "run `cargo xtask up`, then the tests again",
            )
            .into());
        };
        status["images"] = images::prepare(&image)?;
        fs::write(
            folder.path().join("status.json"),
            serde_json::to_vec_pretty(&status)?,
        )?;
        let kafka = folder.path().join("kafka");
        fs::create_dir(&kafka)?;
        let text = |pointer: &str| -> Result<String> {
            status
                .pointer(pointer)
                .and_then(|value| {
                    value
                        .as_str()
                        .map(str::to_owned)
                        .or(value.as_u64().map(|n| n.to_string()))
                })
                .with_context(|| format!("`cargo xtask status -o json` has no {pointer}"))
        };
        let host = text("/backends/kafka/host")?;
        let port = text("/backends/kafka/port")?;
        for (name, value) in [
            ("bootstrap-servers", format!("{host}:{port}")),
            ("username", text("/backends/kafka/admin")?),
            ("password", text("/backends/kafka/password")?),
            ("ca.crt", certificate(&text("/backends/kafka/ca")?)?),
            ("security-protocol", "SASL_SSL".to_owned()),
            ("sasl-mechanism", "SCRAM-SHA-512".to_owned()),
        ] {
            fs::write(kafka.join(name), value)?;
        }
        Ok(Self { folder })
    }

    /// `cargo test` inside the namespace, with everything built already.
    fn cargo(&self, selection: &[&str]) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net={NAMESPACE}")).arg("cargo");
        let mut command = workspace(inside);
        // When this command is killed, the next one ends it before it begins.
        process::of_step(&mut command)
            .arg("--offline")
            .args(selection)
            .env("CREWDECK_STATUS", self.folder.path().join("status.json"))
            .env("CREWDECK_TEST_KAFKA_DIR", self.folder.path().join("kafka"));
        command
    }
}

/// The certificate itself, or the content of the file with it.
fn certificate(text: &str) -> Result<String> {
    if text.starts_with("-----BEGIN") {
        return Ok(text.to_owned());
    }
    fs::read_to_string(text).with_context(|| format!("read {text}"))
}

/// What is running, as `cargo xtask status -o json` tells it.
fn status() -> Result<Value> {
    let output = Command::new(program()?)
        .args(["status", "-o", "json"])
        .output()?;
    anyhow::ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("read `cargo xtask status -o json`")
}

/// Another command of this tool, with its output on the terminal.
fn xtask(arguments: &[&str]) -> Result<()> {
    let status = Command::new(program()?).args(arguments).status()?;
    anyhow::ensure!(
        status.success(),
        "`cargo xtask {}` failed",
        arguments.join(" ")
    );
    Ok(())
}

/// This tool itself.
fn program() -> Result<PathBuf> {
    std::env::current_exe().context("find this program")
}
