//! The other side: `FastAPI`, asyncpg and `PyJWT` under uvicorn, as `tests/bench/fastapi` has it.

use super::{
    ours::{Ours, answer},
    process::{Process, Run},
    python,
};
use crate::{cluster::forward::require_free, repo};
use anyhow::Result;
use common_scratch::{Folder, Postgres};
use std::{fs, process::Command, time::Duration};

const PORT: u16 = 18_300;

/// A running server.
pub(super) struct Rival {
    process: Process,
    _folder: Folder,
}

impl Rival {
    /// Starts it on the same database, with the keys that ours publishes.
    pub(super) fn start(postgres: &Postgres) -> Result<Self> {
        let python = python::environment("fastapi")?;
        let folder = Folder::new("bench")?;
        let keys = folder.path().join("jwks.json");
        let url = format!("{}/.well-known/jwks.json", Ours::url());
        let set = answer(Command::new("/usr/bin/curl").arg("-sS"), &url)?;
        fs::write(&keys, set.to_string())?;
        // What answers there is to be ours, not what an earlier bench left.
        require_free(PORT)?;
        let mut program = Command::new(python);
        program
            .args([
                "-m",
                "uvicorn",
                "app:app",
                "--workers",
                "2",
                "--no-access-log",
            ])
            .args(["--host", "127.0.0.1", "--port", &PORT.to_string()])
            .current_dir(repo::root().join("tests/bench/fastapi"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("DATABASE_URL", postgres.url("crewdeck"))
            .env("JWKS_FILE", &keys)
            .env("ISSUER", Ours::issuer());
        let run = Run {
            name: "uvicorn",
            user: None,
            // Not a kill: its workers would stay, and the port with them.
            end: "TERM",
            logs: folder.path(),
            errors: true,
        };
        let mut process = Process::start(&run, &program)?;
        let url = format!("{}/openapi.json", Self::url());
        process.wait("it answers", Duration::from_secs(30), || {
            Ok(answer(Command::new("/usr/bin/curl").arg("-sS"), &url).is_ok())
        })?;
        Ok(Self {
            process,
            _folder: folder,
        })
    }

    /// Its address.
    pub(super) fn url() -> String {
        format!("http://127.0.0.1:{PORT}")
    }

    /// The process whose children are the workers.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }
}
