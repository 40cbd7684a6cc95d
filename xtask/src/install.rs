//! Installing Debian packages: the one place that calls apt-get.

use crate::{cluster::process, repo};
use anyhow::{Context as _, Result};
use common_scratch::Package;
use std::{fs, path::Path, process::Command};

/// Where Debian says whether a package starts a cluster of its own when it is installed.
const POSTGRES_POLICY: &str = "/etc/postgresql-common/createcluster.conf";

/// Installs those of the packages that are missing, and says so.
pub(crate) fn ensure(packages: &[Package]) -> Result<()> {
    let mut missing = Vec::new();
    for package in packages.iter().filter(|package| !package.is_installed()) {
        let Package { file, name } = package;
        eprintln!("      installing the Debian package {name} ({file} is missing)");
        missing.push(*name);
    }
    if missing.is_empty() {
        return Ok(());
    }
    apt_get(process::daemonised, &missing).with_context(|| {
        let names = missing.join(" ");
        format!("install the Debian packages {names}; it takes root")
    })
}

/// Installs these packages, as a step of the cluster's bring-up.
pub(crate) fn packages(missing: &[&str]) -> Result<()> {
    apt_get(process::logged, missing)
}

/// Runs a command to its end with its output in a log.
type Run = fn(&mut Command, &Path, &str) -> Result<()>;

/// `update` runs the update. The installation never bears the mark of a bring-up: the next one ends what does, and a
/// dpkg that is ended in the middle has to be mended by hand. It waits for one that is still at work instead.
fn apt_get(update: Run, missing: &[&str]) -> Result<()> {
    let policy = Path::new(POSTGRES_POLICY);
    if !policy.exists() {
        // No database of Debian's own beside ours.
        if let Some(folder) = policy.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(policy, "create_main_cluster = false\n")?;
    }
    // Not in the cluster's folder: where no cluster is made, none is to be left.
    let log = repo::cache()?.join("log/apt.log");
    let advice = "run `apt-get update` and `apt-get install` by hand, and see what they say";
    let apt = |run: Run, arguments: &[&str]| {
        run(
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                // A package must not start the service that we start ourselves.
                .env("RUNLEVEL", "1"),
            &log,
            advice,
        )
    };
    apt(update, &["update", "-qq"])?;
    let mut install = vec!["-o", "DPkg::Lock::Timeout=600"];
    install.extend(["install", "-y", "-qq", "--no-install-recommends"]);
    install.extend(missing);
    apt(process::daemonised, &install)
}
