//! Kafka: one KRaft process, SCRAM-SHA-512 over TLS, ACLs, no topic made by itself.

use super::{ADMIN, KAFKA_PORT, listening, state, text};
use crate::cluster::{
    build,
    node::NODES,
    paths, pki,
    process::{Daemon, logged, wait_for},
    progress::Step,
    render,
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The identity of the one-broker cluster; any 16 bytes in base64url.
const CLUSTER_ID: &str = "crewdeckCrewdeckCrewdA";

/// A cluster of one broker: where it lies, where it listens, and the password of its administrator.
pub(crate) struct Broker {
    /// Its folder.
    pub(crate) dir: PathBuf,
    /// The folder with `kafka.crt`, `kafka.key` and `ca.crt`.
    pub(crate) pki: PathBuf,
    /// Its address.
    pub(crate) address: &'static str,
    /// The name that stands for it.
    pub(crate) name: &'static str,
    /// The port of its clients.
    pub(crate) port: u16,
    /// The port of its controller, on loopback.
    pub(crate) controller: u16,
    /// The administrator's password.
    pub(crate) password: String,
    /// Where its formatting is logged.
    pub(crate) log: PathBuf,
}

/// Starts it; does not wait.
pub(super) fn start(step: &Step) -> Result<()> {
    let broker = Broker {
        dir: state("kafka"),
        pki: paths::state("pki"),
        address: NODES[0].ip,
        name: "kafka.backends",
        port: KAFKA_PORT,
        controller: 9093,
        password: pki::password("kafka-admin")?,
        log: paths::log("kafka-format"),
    };
    if !broker.is_formatted() {
        step.say("format Kafka's storage");
    }
    broker.prepare()?;
    Daemon {
        name: "kafka",
        netns: Some(NODES[0].netns),
        group: None,
        reads: &[broker.dir.join("server.properties"), broker.logging()],
    }
    .start(&broker.command("400m")?)
}

/// Waits until it takes connections.
pub(super) fn wait() -> Result<()> {
    wait_for("kafka", "Kafka", Duration::from_secs(90), || {
        listening(KAFKA_PORT)
    })
}

impl Broker {
    /// What it logs.
    fn logging(&self) -> PathBuf {
        self.dir.join("log4j2.properties")
    }

    fn is_formatted(&self) -> bool {
        self.dir.join("data/meta.properties").exists()
    }

    /// Writes what it reads, and makes its storage unless that is there.
    pub(crate) fn prepare(&self) -> Result<()> {
        let dir = &self.dir;
        fs::create_dir_all(dir)?;
        // Kafka's SASL code looks up the name of its own address. Without a hosts file each login hangs on a DNS that is
        // not there, and clients time out here and there.
        let hosts = format!("127.0.0.1 localhost\n{} {}\n", self.address, self.name);
        render::write(&dir.join("hosts"), &hosts, 0o644, None)?;
        let pem = self.read("kafka.key")? + &self.read("kafka.crt")? + &self.read("ca.crt")?;
        render::write(&dir.join("server.pem"), &pem, 0o600, None)?;
        render::write(&dir.join("ca.crt"), &self.read("ca.crt")?, 0o644, None)?;
        // Beside its other files: another checkout is no reason to start it anew.
        let logging = render::file(&paths::source("kafka/log4j2.properties"), &[])?;
        render::write(&self.logging(), &logging, 0o644, None)?;
        let data = dir.join("data");
        if !self.is_formatted() {
            self.format(&data)?;
        }
        self.configuration("server.properties", &data)
    }

    /// What starts it, with so much memory for its heap.
    pub(crate) fn command(&self, heap: &str) -> Result<Command> {
        let mut command = self.java()?;
        command
            .args(["-Xms256m", &format!("-Xmx{heap}")])
            .arg("kafka.Kafka")
            .arg(self.dir.join("server.properties"));
        Ok(command)
    }

    /// Makes the storage with the administrator's login, in a new folder that is then renamed.
    fn format(&self, data: &Path) -> Result<()> {
        let dir = &self.dir;
        let new = dir.join("data.new");
        for left in [&new, data] {
            let _ = fs::remove_dir_all(left);
        }
        self.configuration("format.properties", &new)?;
        // In a file for the launcher: the arguments of a process are for everybody to read.
        let arguments = format!(
            "kafka.tools.StorageTool format -t {CLUSTER_ID} -c {}\n\
             --add-scram SCRAM-SHA-512=[name={ADMIN},password={}]\n",
            dir.join("format.properties").display(),
            self.password
        );
        let file = dir.join("format.arguments");
        render::write(&file, &arguments, 0o600, None)?;
        logged(
            self.java()?.arg(format!("@{}", file.display())),
            &self.log,
            "`cargo xtask down`, then `cargo xtask up`",
        )?;
        fs::remove_file(&file)?;
        fs::remove_file(dir.join("format.properties"))?;
        fs::rename(&new, data)?;
        Ok(())
    }

    fn configuration(&self, file: &str, data: &Path) -> Result<()> {
        let config = render::file(
            &paths::source("kafka/server.properties"),
            &[
                ("PASSWORD", &self.password),
                ("ADDRESS", self.address),
                ("PORT", &self.port.to_string()),
                ("CONTROLLER", &self.controller.to_string()),
                ("DIR", &text(&self.dir)),
                ("DATA", &text(data)),
            ],
        )?;
        render::write(&self.dir.join(file), &config, 0o600, None)
    }

    fn read(&self, file: &str) -> Result<String> {
        let path = self.pki.join(file);
        fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    fn java(&self) -> Result<Command> {
        let mut command = Command::new("java");
        command
            // A small machine: the first compiler only, the collector without threads.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"])
            .arg(format!(
                "-Djdk.net.hosts.file={}",
                self.dir.join("hosts").display()
            ))
            .arg(format!(
                "-Dlog4j2.configurationFile={}",
                self.logging().display()
            ))
            .arg("-cp")
            // The JVM expands the star, not a shell.
            .arg(build::KAFKA.folder()?.join("*"));
        Ok(command)
    }
}
