//! A Redis of our own: nothing on disk.

use super::{Folder, Server, answers, ensure_installed, free_port, give};
use anyhow::Result;
use std::{fs, path::Path, process::Command, time::Duration};

/// A running, empty server without a password.
#[derive(Debug)]
pub(crate) struct Redis {
    port: u16,
    _server: Server,
    _folder: Folder,
}

impl Redis {
    /// Starts it and waits until it answers.
    pub(crate) fn start() -> Result<Self> {
        let program = Path::new("/usr/bin/redis-server");
        ensure_installed(program, "redis-server")?;
        let folder = Folder::new("redis")?;
        // Tests of the operator keep users there.
        let users = folder.path().join("users.acl");
        fs::write(&users, "")?;
        give(folder.path(), "redis")?;
        give(&users, "redis")?;
        let port = free_port()?;
        let log = folder.path().join("log");
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .arg("--aclfile")
            .arg(&users);
        let mut server = Server::start("Redis", "redis", log, &command)?;
        server.wait(Duration::from_secs(10), || answers(port))?;
        Ok(Self {
            port,
            _server: server,
            _folder: folder,
        })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}
