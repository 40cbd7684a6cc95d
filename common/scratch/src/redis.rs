//! A Redis of our own: nothing on disk.

use std::{ffi::OsStr, fs, process::Command, time::Duration};

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

    /// Starts it and waits until it answers. It keeps its users in a file.
    ///
    /// # Errors
    /// When the program is not installed, or does not start; the error has the end of its log.
    pub fn start() -> Result<Self> {
        let folder = Folder::new("redis")?;
        let users = folder.path().join("users.acl");
        fs::write(&users, "")?;
        give(&users, "redis")?;
        Self::start_in(folder, &["--aclfile".as_ref(), users.as_os_str()])
    }

    /// The same, which forgets its users when it ends.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub fn start_without_users_file() -> Result<Self> {
        Self::start_in(Folder::new("redis")?, &[])
    }

    fn start_in(folder: Folder, more: &[&OsStr]) -> Result<Self> {
        Self::PACKAGE.require()?;
        give(folder.path(), "redis")?;
        let port = free_port()?;
        let log = folder.path().join("log");
        let mut command = Command::new(Self::PACKAGE.file);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(folder.path())
            .args(more);
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
