//! A PostgreSQL of our own: no durability, made to be thrown away.

use super::{Folder, Server, as_user, ensure_installed, free_port, give, succeed};
use crate::repo;
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The version the platform is proved on; Debian 12 has it.
const BIN: &str = "/usr/lib/postgresql/15/bin";
const USER: &str = "postgres";

/// Which half of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// A running server with an empty database `crewdeck`.
#[derive(Debug)]
pub(crate) struct Postgres {
    port: u16,
    // Dropped in this order: first the server, then its files.
    _server: Server,
    _folder: Folder,
}

impl Postgres {
    /// Makes a cluster in a temporary folder and waits until it answers.
    pub(crate) fn start() -> Result<Self> {
        ensure_installed(&Path::new(BIN).join("initdb"), "postgresql-15")?;
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
        for setting in [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=300",
        ] {
            program.args(["-c", setting]);
        }
        let mut server = Server::start("PostgreSQL", USER, log, &program)?;
        server.stop = "INT"; // fast: does not wait for clients
        server.wait(Duration::from_secs(30), || {
            Command::new(format!("{BIN}/pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        })?;
        let postgres = Self {
            port,
            _server: server,
            _folder: folder,
        };
        postgres.psql("postgres", &["-c", "create database crewdeck"])?;
        Ok(postgres)
    }

    /// The address of a database, as its superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs psql; stops at the first error.
    pub(crate) fn psql(&self, database: &str, arguments: &[&str]) -> Result<String> {
        succeed(
            Command::new(format!("{BIN}/psql"))
                .args(["-qXAt", "-v", "ON_ERROR_STOP=1"])
                .args(["-d", &self.url(database)])
                .args(arguments),
        )
    }

    /// Applies every migration of the application and of analytics to one database, or takes them back.
    pub(crate) fn migrate(&self, database: &str, direction: Direction) -> Result<usize> {
        let files = migrations(direction)?;
        for file in &files {
            let path = file.to_string_lossy();
            self.psql(database, &["--single-transaction", "-f", &path])
                .with_context(|| format!("apply {path}"))?;
        }
        Ok(files.len())
    }
}

/// The migration files in the order in which they apply: each owner by number, backwards for down.
pub(crate) fn migrations(direction: Direction) -> Result<Vec<PathBuf>> {
    let end = match direction {
        Direction::Up => ".up.sql",
        Direction::Down => ".down.sql",
    };
    let mut all = Vec::new();
    for folder in ["api-server/schema/migrations", "analytics/migrations"] {
        let folder = repo::root().join(folder);
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(end) {
                files.push(path);
            }
        }
        files.sort();
        all.append(&mut files);
    }
    if direction == Direction::Down {
        all.reverse();
    }
    Ok(all)
}
