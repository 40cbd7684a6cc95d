//! Kafka: one KRaft process, SCRAM-SHA-512 over TLS, ACLs, no topic made by itself.

use super::{ADMIN, KAFKA_PORT, listening, state, text};
use crate::cluster::{
    build,
    node::NODES,
    paths, pki,
    process::{Daemon, alive, logged, wait_for},
    progress::Step,
    render,
};
use anyhow::Result;
use std::{fs, path::Path, process::Command, time::Duration};

/// The identity of the one-broker cluster; any 16 bytes in base64url.
const CLUSTER_ID: &str = "crewdeckCrewdeckCrewdA";

/// Starts it; does not wait.
pub(super) fn start(step: &Step) -> Result<()> {
    let dir = state("kafka");
    fs::create_dir_all(&dir)?;
    if alive("kafka").is_some() {
        return Ok(());
    }
    // Kafka's SASL code looks up the name of its own address. Without a hosts file each login hangs on a DNS that is
    // not there, and clients time out here and there.
    let hosts = format!("127.0.0.1 localhost\n{} kafka.backends\n", NODES[0].ip);
    render::write(&dir.join("hosts"), &hosts, 0o644, None)?;
    let pem = pki::read("kafka.key")? + &pki::read("kafka.crt")? + &pki::read("ca.crt")?;
    render::write(&dir.join("server.pem"), &pem, 0o600, None)?;
    render::write(&dir.join("ca.crt"), &pki::read("ca.crt")?, 0o644, None)?;
    let data = dir.join("data");
    if !data.join("meta.properties").exists() {
        step.say("format Kafka's storage");
        format(&dir, &data)?;
    }
    configuration(&dir, "server.properties", &data)?;
    let mut command = java(&dir)?;
    command
        .args(["-Xms256m", "-Xmx400m"])
        .arg("kafka.Kafka")
        .arg(dir.join("server.properties"));
    Daemon {
        name: "kafka",
        netns: Some(NODES[0].netns),
        group: None,
    }
    .start(&command)
}

/// Waits until it takes connections.
pub(super) fn wait() -> Result<()> {
    wait_for("kafka", "Kafka", Duration::from_secs(90), || {
        listening(KAFKA_PORT)
    })
}

/// Makes the storage with the administrator's login, in a new folder that is then renamed.
fn format(dir: &Path, data: &Path) -> Result<()> {
    let new = dir.join("data.new");
    for left in [&new, data] {
        let _ = fs::remove_dir_all(left);
    }
    configuration(dir, "format.properties", &new)?;
    let password = pki::password("kafka-admin")?;
    // In a file for the launcher: the arguments of a process are for everybody to read.
    let arguments = format!(
        "kafka.tools.StorageTool format -t {CLUSTER_ID} -c {}\n\
         --add-scram SCRAM-SHA-512=[name={ADMIN},password={password}]\n",
        dir.join("format.properties").display()
    );
    let file = dir.join("format.arguments");
    render::write(&file, &arguments, 0o600, None)?;
    logged(
        java(dir)?.arg(format!("@{}", file.display())),
        &paths::log("kafka-format"),
        "`cargo xtask down`, then `cargo xtask up`",
    )?;
    fs::remove_file(&file)?;
    fs::remove_file(dir.join("format.properties"))?;
    fs::rename(&new, data)?;
    Ok(())
}

fn configuration(dir: &Path, file: &str, data: &Path) -> Result<()> {
    let password = pki::password("kafka-admin")?;
    let config = render::file(
        &paths::source("kafka/server.properties"),
        &[
            ("PASSWORD", &password),
            ("DIR", &text(dir)),
            ("DATA", &text(data)),
        ],
    )?;
    render::write(&dir.join(file), &config, 0o600, None)
}

fn java(dir: &Path) -> Result<Command> {
    let mut command = Command::new("java");
    command
        // A small machine: the first compiler only, the collector without threads.
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
        .arg(format!(
            "-Djdk.net.hosts.file={}",
            dir.join("hosts").display()
        ))
        .arg(format!(
            "-Dlog4j2.configurationFile={}",
            paths::source("kafka/log4j2.properties").display()
        ))
        .arg("-cp")
        // The JVM expands the star, not a shell.
        .arg(build::KAFKA.folder()?.join("*"));
    Ok(command)
}
