//! A Redis of our own: nothing on disk.

use std::{fs, process::Command, time::Duration};

use anyhow::Result;

use crate::{
    Folder, Package,
    port::{answers, free_port},
    server::Server,
    user::give,
};

/// A running, empty server without a password.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    _server: Server,
    _folder: Folder,
}

impl Redis {
    /// Where it comes from.
    pub const PACKAGE: Package = Package {
        file: "/usr/bin/redis-server",
        name: "redis-server",
    };

    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// When the program is not installed, or does not start; the error has the end of its log.
    pub fn start() -> Result<Self> {
        Self::PACKAGE.require()?;
        let folder = Folder::new("redis")?;
        // Tests of the operator keep users there.
        let users = folder.path().join("users.acl");
        fs::write(&users, "")?;
        give(folder.path(), "redis")?;
        give(&users, "redis")?;
        let port = free_port()?;
        let log = folder.path().join("log");
        let mut command = Command::new(Self::PACKAGE.file);
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
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}
