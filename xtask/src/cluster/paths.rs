//! Where the cluster lies on this machine.
//!
//! Everything that lasts is below [`STATE`], everything that ends with the processes below [`RUN`]; `cargo xtask down`
//! removes both. What was built is in the cache (`build.rs`).

use crate::repo;
use std::path::{Path, PathBuf};

/// Certificates, passwords, etcd, images, the backends' data, logs.
pub(crate) const STATE: &str = "/var/lib/crewdeck";
/// Pid files and sockets.
pub(crate) const RUN: &str = "/run/crewdeck";

/// A path below [`STATE`].
pub(crate) fn state(relative: impl AsRef<Path>) -> PathBuf {
    Path::new(STATE).join(relative)
}

/// A path below [`RUN`].
pub(crate) fn run(relative: impl AsRef<Path>) -> PathBuf {
    Path::new(RUN).join(relative)
}

/// A certificate, key or kubeconfig.
pub(crate) fn pki(file: &str) -> PathBuf {
    state("pki").join(file)
}

/// The log of a daemon or of a step.
pub(crate) fn log(name: &str) -> PathBuf {
    state("log").join(format!("{name}.log"))
}

/// A program of the running cluster: a link into the cache.
pub(crate) fn bin(program: &str) -> PathBuf {
    state("bin").join(program)
}

/// A file of the cluster's configuration in the repository.
pub(crate) fn source(relative: impl AsRef<Path>) -> PathBuf {
    repo::root().join("tests/cluster").join(relative)
}
