//! The servers that a platform uses and that are not part of the cluster: PostgreSQL with a replica, Redis, Kafka. They
//! run in node-1's network namespace, with certificates of the cluster's authority.

mod kafka;
mod postgres;
mod redis;

use super::{
    node::NODES,
    paths, pki,
    process::{inside, output, succeeds},
    progress::Step,
    render,
};
use anyhow::{Context as _, Result};
use std::{fs, path::Path, process::Command};

pub(crate) use kafka::Broker;
pub(crate) use postgres::{
    bin as postgres_program, primary_process as postgres_process, stop as stop_postgres,
};

/// PostgreSQL's primary.
pub(crate) const PRIMARY_PORT: u16 = 5432;
/// Its replica.
pub(crate) const REPLICA_PORT: u16 = 5433;
/// Redis, TLS only.
pub(crate) const REDIS_PORT: u16 = 6379;
/// Kafka, SASL over TLS.
pub(crate) const KAFKA_PORT: u16 = 9092;
/// The login of every administrator.
pub(crate) const ADMIN: &str = "admin";

/// Starts Kafka, which takes longest, and does not wait.
pub(crate) fn begin(step: &Step) -> Result<()> {
    kafka::start(step)
}

/// Starts the others and waits for all.
pub(crate) fn finish(step: &Step) -> Result<()> {
    redis::start()?;
    postgres::start(step)?;
    redis::wait()?;
    step.say("Kafka");
    kafka::wait()
}

/// A system user's pair of numbers.
pub(crate) fn user(name: &str) -> Result<(u32, u32)> {
    let number = |option: &str| -> Result<u32> {
        let text = output(Command::new("id").args([option, name]))?;
        text.trim()
            .parse()
            .with_context(|| format!("the number of user {name}"))
    };
    Ok((number("-u")?, number("-g")?))
}

/// Makes a folder of a system user's own.
pub(crate) fn folder(path: &Path, owner: (u32, u32)) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("make {}", path.display()))?;
    std::os::unix::fs::chown(path, Some(owner.0), Some(owner.1))?;
    Ok(())
}

/// Copies a server's certificate, key and authority to where its user can read them.
fn certificates(name: &str, folder: &Path, owner: (u32, u32)) -> Result<()> {
    for (from, to) in [
        (format!("{name}.crt"), "server.crt"),
        (format!("{name}.key"), "server.key"),
        ("ca.crt".to_owned(), "ca.crt"),
    ] {
        render::write(&folder.join(to), &pki::read(&from)?, 0o600, Some(owner))?;
    }
    Ok(())
}

/// Whether a server of node-1 takes connections.
fn listening(port: u16) -> bool {
    let address = format!("</dev/tcp/{}/{port}", NODES[0].ip);
    succeeds(inside(NODES[0].netns, "timeout").args(["1", "bash", "-c", &address]))
}

/// A path as text, for configuration files.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The folder of a server's state.
fn state(name: &str) -> std::path::PathBuf {
    paths::state(name)
}
