//! The other side: `FastAPI`, asyncpg and `PyJWT` under uvicorn, as `tests/bench/fastapi` has it.

use super::{
    ours::{Ours, answer},
    python,
};
use crate::{cluster::process::wait, repo};
use anyhow::{Context as _, Result};
use common_scratch::{Folder, Postgres};
use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

const PORT: u16 = 18_300;

/// A running server.
pub(super) struct Rival {
    child: Child,
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
        let child = Command::new(python)
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
            .env("ISSUER", Ours::issuer())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start uvicorn")?;
        let rival = Self {
            child,
            _folder: folder,
        };
        let url = format!("{}/openapi.json", Self::url());
        wait("uvicorn", Duration::from_secs(30), || {
            answer(Command::new("/usr/bin/curl").arg("-sS"), &url).is_ok()
        })?;
        Ok(rival)
    }

    /// Its address.
    pub(super) fn url() -> String {
        format!("http://127.0.0.1:{PORT}")
    }

    /// The process whose children are the workers.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}
