//! What the kubelet, the runtime and the network plugins keep at places of their own choice, outside our folders.
//!
//! Another Kubernetes of this machine uses the same places: only what is ours or dead is removed, and a folder only when
//! it is empty then.

use anyhow::{Context as _, Result};
use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

/// Results of network plugins: files named `<network>-<container>-<interface>`.
const RESULTS: &str = "/var/lib/cni/results";
/// Sockets of the kubelet and of the shims of containers.
const SOCKETS: &[&str] = &["/var/lib/kubelet/device-plugins", "/run/containerd/s"];
/// Links to the logs of containers.
const LOGS: &str = "/var/log/containers";
/// Folders that go when nothing is in them, the deepest first.
const FOLDERS: &[&str] = &[
    "/var/lib/cni/results",
    "/var/lib/cni",
    "/var/lib/kubelet/device-plugins",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
    "/run/containerd/runc/k8s.io",
    "/run/containerd/runc",
    "/run/containerd/s",
    "/run/containerd",
];

/// Removes them. Called when no process of the cluster is left.
pub(super) fn remove() -> Result<()> {
    let results = files(RESULTS);
    let ours = containers(&results);
    for file in results.iter().filter(|file| {
        let name = name_of(file);
        ours.iter().any(|container| name.contains(container))
    }) {
        remove_file(file)?;
    }
    for folder in SOCKETS {
        for socket in files(folder) {
            // Nobody listens: it belongs to a process that has ended.
            let dead = UnixStream::connect(&socket)
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if dead {
                remove_file(&socket)?;
            }
        }
    }
    for link in files(LOGS).iter().filter(|link| !link.exists()) {
        remove_file(link)?;
    }
    for folder in FOLDERS {
        // Fails when somebody else has something in it: then it is not ours to remove.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// The containers that were on our network.
fn containers(results: &[PathBuf]) -> Vec<String> {
    results
        .iter()
        .filter_map(|file| {
            let (container, _) = name_of(file).strip_prefix("crewdeck-")?.rsplit_once('-')?;
            Some(container.to_owned())
        })
        .collect()
}

fn name_of(file: &Path) -> &str {
    file.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

fn files(folder: &str) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn remove_file(file: &Path) -> Result<()> {
    fs::remove_file(file).with_context(|| format!("remove {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_our_network_only() {
        let results = [
            "crewdeck-13bd-eth0",
            "cni-loopback-13bd-lo",
            "other-77aa-eth0",
        ]
        .map(|name| Path::new(RESULTS).join(name));
        assert_eq!(containers(&results), ["13bd"]);
    }
}
