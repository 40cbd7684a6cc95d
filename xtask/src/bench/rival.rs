//! The other side: `FastAPI`, asyncpg and `PyJWT` under uvicorn, as `tests/bench/fastapi` has it.

use super::ours::{Ours, answer};
use crate::{cluster::process::wait, install, repo};
use anyhow::{Context as _, Result};
use common_scratch::{Folder, Package, Postgres};
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use xshell::{Shell, cmd};

const PORT: u16 = 18_300;
/// What makes Python's environments.
const VENV: Package = Package {
    file: "/usr/lib/python3.11/ensurepip/__init__.py",
    name: "python3-venv",
};

/// A running server.
pub(super) struct Rival {
    child: Child,
    _folder: Folder,
}

impl Rival {
    /// Starts it on the same database, with the keys that ours publishes.
    pub(super) fn start(postgres: &Postgres) -> Result<Self> {
        let python = environment()?;
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

/// Python with the packages, in the cache; made when the list of packages changes.
fn environment() -> Result<PathBuf> {
    install::ensure(&[VENV])?;
    let list = repo::read("tests/bench/fastapi/requirements.txt")?;
    let folder = repo::cache()?.join("bench-fastapi");
    let (note, python) = (folder.join("requirements.txt"), folder.join("bin/python"));
    if fs::read_to_string(&note).is_ok_and(|made| made == list) {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&folder);
    let shell = Shell::new()?;
    cmd!(shell, "/usr/bin/python3 -m venv {folder}")
        .quiet()
        .run()?;
    let file = repo::root().join("tests/bench/fastapi/requirements.txt");
    cmd!(
        shell,
        "{python} -m pip install --quiet --disable-pip-version-check -r {file}"
    )
    .quiet()
    .run()
    .context("install the packages of tests/bench/fastapi")?;
    fs::write(&note, list)?;
    Ok(python)
}
