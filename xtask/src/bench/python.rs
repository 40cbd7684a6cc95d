//! Python with the packages of a rival, in the cache.

use crate::{install, repo};
use anyhow::{Context as _, Result};
use common_scratch::Package;
use std::{fs, path::PathBuf};
use xshell::{Shell, cmd};

/// What makes Python's environments.
const VENV: Package = Package {
    file: "/usr/lib/python3.11/ensurepip/__init__.py",
    name: "python3-venv",
};

/// The interpreter that has what `tests/bench/<rival>/requirements.txt` lists; made when that list changes.
pub(super) fn environment(rival: &str) -> Result<PathBuf> {
    install::ensure(&[VENV])?;
    let requirements = format!("tests/bench/{rival}/requirements.txt");
    let list = repo::read(&requirements)?;
    let folder = repo::cache()?.join(format!("bench-{rival}"));
    let (note, python) = (folder.join("requirements.txt"), folder.join("bin/python"));
    if fs::read_to_string(&note).is_ok_and(|made| made == list) {
        return Ok(python);
    }
    let _ = fs::remove_dir_all(&folder);
    let shell = Shell::new()?;
    cmd!(shell, "/usr/bin/python3 -m venv {folder}")
        .quiet()
        .run()?;
    let file = repo::root().join(&requirements);
    cmd!(
        shell,
        "{python} -m pip install --quiet --disable-pip-version-check -r {file}"
    )
    .quiet()
    .run()
    .with_context(|| format!("install the packages of {requirements}"))?;
    fs::write(&note, list)?;
    Ok(python)
}
