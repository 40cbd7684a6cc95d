//! Redis: TLS only, users in an ACL file.

use crate::cluster::{backends::user, paths, render};
use anyhow::Result;
use std::{path::Path, process::Command, time::Duration};

use super::{
    process::{Process, Run},
    servers::{home, listening},
};

/// Its port.
pub(super) const PORT: u16 = 17_637;
const USER: &str = "redis";

/// Starts it and waits until it answers.
pub(super) fn start(parent: &Path, pki: &Path, password: &str) -> Result<Process> {
    let (home, owner) = (home(parent, pki, "redis", USER)?, user(USER)?);
    // It looks for its certificate beside its other files.
    for file in ["server.crt", "server.key", "ca.crt"] {
        std::fs::rename(home.join("tls").join(file), home.join(file))?;
    }
    let users = render::file(&paths::source("redis/users.acl"), &[("PASSWORD", password)])?;
    render::write(&home.join("users.acl"), &users, 0o600, Some(owner))?;
    let config = render::file(
        &paths::source("redis/redis.conf"),
        &[
            ("DIR", &home.to_string_lossy()),
            ("ADDRESS", "127.0.0.1"),
            ("PORT", &PORT.to_string()),
        ],
    )?;
    let file = home.join("redis.conf");
    render::write(&file, &config, 0o600, Some(owner))?;
    let mut program = Command::new("redis-server");
    program.arg(&file);
    let run = Run {
        name: "redis",
        user: Some(USER),
        end: "KILL",
        logs: parent,
        errors: true,
    };
    let mut process = Process::start(&run, &program)?;
    process.wait("it answers", Duration::from_secs(20), || {
        Ok(listening(PORT))
    })?;
    Ok(process)
}
