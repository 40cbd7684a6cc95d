//! A PostgreSQL of our own, made to be thrown away: without durability, unless that is what is measured.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result};

use crate::{
    Folder, Package,
    port::free_port,
    server::Server,
    user::{as_user, give, succeed},
};

/// The version the platform is proved on; Debian 12 has it.
const BIN: &str = "/usr/lib/postgresql/15/bin";
const USER: &str = "postgres";

/// What is left out where nothing has to outlive the server.
const FORGETFUL: &[&str] = &[
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
];

/// What keeps the server's own work out of a measurement: no checkpoint within it, and no vacuum but those asked for.
const MEASURED: &[&str] = &[
    "autovacuum=off",
    "checkpoint_timeout=1h",
    "max_wal_size=8GB",
    "shared_buffers=256MB",
];

/// A running server with an empty database `crewdeck`.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    process: u32,
    // Dropped in this order: first the server, then its files.
    _server: Server,
    _folder: Folder,
}

impl Postgres {
    /// Where it comes from.
    pub const PACKAGE: Package = Package {
        file: "/usr/lib/postgresql/15/bin/initdb",
        name: "postgresql-15",
    };

    /// Makes a cluster in a temporary folder and waits until it answers.
    ///
    /// # Errors
    /// When the program is not installed, or does not start; the error has the end of its log.
    pub fn start() -> Result<Self> {
        Self::start_with(FORGETFUL)
    }

    /// The same, but what is committed is on the disk, and the server does nothing by itself: to measure writes.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub fn start_durable() -> Result<Self> {
        Self::start_with(MEASURED)
    }

    fn start_with(settings: &[&str]) -> Result<Self> {
        Self::PACKAGE.require()?;
        let folder = Folder::new("postgres")?;
        let data = folder.path().join("data");
        give(folder.path(), USER)?;
        succeed(&mut as_user(
            USER,
            Command::new(format!("{BIN}/initdb"))
                .args([
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--no-sync",
                ])
                .args(["--username=postgres", "--pgdata"])
                .arg(&data),
        ))
        .context("make a PostgreSQL cluster")?;
        let port = free_port()?;
        let log = folder.path().join("log");
        let mut program = Command::new(format!("{BIN}/postgres"));
        program.arg("-D").arg(&data);
        let listen = format!("port={port}");
        let common = [
            listen.as_str(),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
        ];
        for setting in common.iter().chain(settings) {
            program.args(["-c", setting]);
        }
        let mut server = Server::start("PostgreSQL", USER, log, &program)?;
        server.child.end = "INT"; // fast: does not wait for clients
        server.wait(Duration::from_secs(30), || {
            Command::new(format!("{BIN}/pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        })?;
        let postgres = Self {
            port,
            process: server.child.id(),
            _server: server,
            _folder: folder,
        };
        postgres.psql("postgres", &["-c", "create database crewdeck"])?;
        Ok(postgres)
    }

    /// The address of a database, as its superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The process whose children serve the connections.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.process
    }

    /// Runs psql and gives what it prints; stops at the first error.
    ///
    /// # Errors
    /// What psql says.
    pub fn psql(&self, database: &str, arguments: &[&str]) -> Result<String> {
        succeed(
            Command::new(format!("{BIN}/psql"))
                .args(["-qXAt", "-v", "ON_ERROR_STOP=1"])
                .args(["-d", &self.url(database)])
                .args(arguments),
        )
    }
}
