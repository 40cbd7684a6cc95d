//! What the cluster takes from Debian.

use super::{
    process,
    progress::{Failure, Step},
};
use crate::install;
use anyhow::Result;
use common_scratch::Package;
use std::process::Command;

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
            "`cargo xtask up` makes its cluster on Debian 12; elsewhere use a cluster that you have: `cargo xtask up --existing`",
        )
    })?;
    let missing = missing(&listed);
    if missing.is_empty() {
        return Ok(());
    }
    step.say(format!("apt-get installs {}", missing.join(" ")));
    install::packages(&missing)
}

/// Installs what builds and packs the image, where nothing else is made.
pub(crate) fn ensure_image_tools() -> Result<()> {
    install::ensure(&[
        Package {
            file: "/usr/bin/buildah",
            name: "buildah",
        },
        Package {
            file: "/usr/include/openssl/ssl.h",
            name: "libssl-dev",
        },
    ])
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
