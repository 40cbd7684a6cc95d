//! Kafka: one KRaft process, SCRAM over TLS, ACLs.

use crate::cluster::backends::Broker;
use anyhow::Result;
use std::{path::Path, time::Duration};

use super::{
    process::{Process, Run},
    servers::listening,
};

/// The port of its clients; the next one is its controller's.
pub(super) const PORT: u16 = 17_092;
/// Memory for thousands of topics, each of which has logs and indices open.
const HEAP: &str = "2g";

/// Starts it; does not wait.
pub(super) fn start(parent: &Path, pki: &Path, password: &str) -> Result<Process> {
    let broker = Broker {
        dir: parent.join("kafka"),
        pki: pki.to_owned(),
        address: "127.0.0.1",
        name: "kafka",
        port: PORT,
        controller: PORT + 1,
        password: password.to_owned(),
        log: parent.join("kafka-format.log"),
    };
    broker.prepare()?;
    let run = Run {
        name: "kafka",
        user: None,
        end: "KILL",
        logs: parent,
        errors: true,
    };
    Process::start(&run, &broker.command(HEAP)?)
}

/// Waits until it takes connections.
pub(super) fn ready(mut process: Process) -> Result<Process> {
    process.wait("it answers", Duration::from_secs(90), || {
        Ok(listening(PORT))
    })?;
    Ok(process)
}
