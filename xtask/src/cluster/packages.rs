//! What the cluster takes from Debian.

use super::{
    paths, process,
    progress::{Failure, Step},
};
use anyhow::Result;
use std::{fs, path::Path, process::Command};

/// The packages, by what needs them: containers, network, tools, image building, PostgreSQL, Redis, Kafka.
const PACKAGES: &[&str] = &[
    "runc",
    "containernetworking-plugins",
    "catatonit",
    "socat",
    "conntrack",
    "nftables",
    "iptables",
    "iproute2",
    "openssl",
    "procps",
    "buildah",
    "libssl-dev",
    "postgresql-15",
    "redis-server",
    "openjdk-17-jre-headless",
    "maven",
];

/// Where Debian says whether a package starts a cluster of its own when it is installed.
const POSTGRES_POLICY: &str = "/etc/postgresql-common/createcluster.conf";

/// Installs what is missing, and says so.
pub(crate) fn ensure(step: &Step) -> Result<()> {
    let listed = process::output(Command::new("dpkg-query").args([
        "-W",
        "-f",
        "${Package} ${Status}\n",
    ]))
    .map_err(|error| {
        Failure::new(
            format!("the list of Debian packages cannot be read: {error:#}"),
            "`cargo xtask up` makes its cluster on Debian 12; elsewhere install the charts by hand on a cluster that you have",
        )
    })?;
    let missing = missing(&listed);
    if missing.is_empty() {
        return Ok(());
    }
    step.say(format!("apt-get installs {}", missing.join(" ")));
    install(&missing)
}

/// Installs what builds and packs the image, where nothing else is made.
pub(crate) fn ensure_image_tools() -> Result<()> {
    let buildah = process::succeeds(Command::new("buildah").arg("--version"));
    let openssl = Path::new("/usr/include/openssl/ssl.h").exists();
    let missing: Vec<&str> = [("buildah", buildah), ("libssl-dev", openssl)]
        .into_iter()
        .filter_map(|(package, there)| (!there).then_some(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("apt-get installs {}", missing.join(" "));
    install(&missing)
}

fn install(missing: &[&str]) -> Result<()> {
    let policy = Path::new(POSTGRES_POLICY);
    if !policy.exists() {
        // No database of Debian's own beside ours.
        if let Some(folder) = policy.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(policy, "create_main_cluster = false\n")?;
    }
    let log = paths::log("apt");
    let advice = "run `apt-get update` and `apt-get install` by hand, and see what they say";
    let apt = |arguments: &[&str]| {
        process::logged(
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                // A package must not start the service that we start ourselves.
                .env("RUNLEVEL", "1"),
            &log,
            advice,
        )
    };
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(missing);
    apt(&install)
}

/// Those of [`PACKAGES`] that dpkg does not list as installed.
fn missing(listed: &str) -> Vec<&'static str> {
    let installed: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(" install ok installed"))
        .collect();
    PACKAGES
        .iter()
        .copied()
        .filter(|package| !installed.contains(package))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_package_is_missing() {
        let mut listed = PACKAGES[1..].join(" install ok installed\n");
        listed += " install ok installed\nrunc deinstall ok config-files\n";
        assert_eq!(missing(&listed), ["runc"]);
    }
}
