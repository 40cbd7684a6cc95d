//! The image of Crewdeck itself: one static binary from a release build, packed by the repository's Containerfile.

use super::{archives::Archive, image, process::digest};
use crate::repo;
use anyhow::{Context as _, Result};
use std::{fs, path::PathBuf, process::Command};

/// Registry and name.
pub(crate) const REPOSITORY: &str = "crewdeck.io/crewdeck";

/// A built image.
#[derive(Debug)]
pub(crate) struct Product {
    /// Version and content, such as `0.1.0-5d41402a`.
    pub(crate) tag: String,
    /// OCI archive; nobody removes it while this value lives.
    pub(crate) archive: Archive,
    /// Bytes of the binary.
    pub(crate) binary_bytes: u64,
    /// Bytes of the archive.
    pub(crate) archive_bytes: u64,
}

impl Product {
    /// `repository:tag`.
    pub(crate) fn name(&self) -> String {
        format!("{REPOSITORY}:{}", self.tag)
    }
}

/// Builds the binary and packs it, unless an archive of the same content is in the cache. Cargo shows its own progress.
pub(crate) fn build() -> Result<Product> {
    let binary = compile()?;
    let content = fs::read(&binary).with_context(|| format!("read {}", binary.display()))?;
    let text = repo::read("Containerfile")?;
    let tag = tag(&content, &text);
    let archive = Archive::ensure(&tag, |unfinished| {
        image::pack(
            &text,
            Some(&binary),
            &format!("{REPOSITORY}:{tag}"),
            unfinished,
            &unfinished.with_file_name("build.log"),
        )
    })?;
    let archive_bytes = fs::metadata(&archive.path)?.len();
    Ok(Product {
        tag,
        archive,
        binary_bytes: content.len() as u64,
        archive_bytes,
    })
}

/// Version and content: what is in the image, and how it is run.
fn tag(binary: &[u8], containerfile: &str) -> String {
    let digest = digest(&[binary, containerfile.as_bytes()]);
    format!("{}-{}", env!("CARGO_PKG_VERSION"), &digest[..8])
}

/// A static release build for this machine, without its symbols.
pub(crate) fn compile() -> Result<PathBuf> {
    compile_with(&[])
}

/// The same, and further programs of the workspace beside it, which must ask for no feature that it has not.
pub(crate) fn compile_with(programs: &[&str]) -> Result<PathBuf> {
    let status = cargo("build", &["--release", "--package", "crewdeck"])?
        .args(programs.iter().flat_map(|program| ["--package", program]))
        .status()
        .context("start cargo")?;
    anyhow::ensure!(
        status.success(),
        "the release build failed; cargo says why above"
    );
    binary()
}

/// Builds a package's bench as the release is built, and gives the command that runs it; arguments of the bench may follow.
pub(crate) fn compile_bench(package: &str, name: &str) -> Result<Command> {
    let arguments = ["--package", package, "--bench", name];
    let status = cargo("bench", &arguments)?
        .arg("--no-run")
        .status()
        .context("start cargo")?;
    anyhow::ensure!(
        status.success(),
        "the build of the bench {name} of {package} failed; cargo says why above"
    );
    let mut command = cargo("bench", &arguments)?;
    command.args(["--quiet", "--"]);
    Ok(command)
}

/// Cargo, with what makes a release static.
fn cargo(verb: &str, arguments: &[&str]) -> Result<Command> {
    let (target, folder) = (target(), target_folder()?);
    let mut command = Command::new(repo::env("CARGO").unwrap_or_else(|| "cargo".to_owned()));
    command
        .current_dir(repo::root())
        .args([verb, "--locked"])
        .args(arguments)
        .args(["--target", &target, "--config"])
        .arg(format!(
            "target.{target}.rustflags=[\"-Ctarget-feature=+crt-static\"]"
        ))
        .env("CARGO_TARGET_DIR", &folder)
        .env("SQLX_OFFLINE", "true")
        // librdkafka's TLS from Debian's static OpenSSL. The one that openssl-src builds would come without locks: it
        // hands `-static` to OpenSSL's Configure, which then leaves out threads without a word; the first two brokers
        // that shake hands at once corrupt the heap.
        .env("OPENSSL_NO_VENDOR", "1")
        .env("OPENSSL_STATIC", "1")
        .env("OPENSSL_INCLUDE_DIR", "/usr/include")
        .env(
            "OPENSSL_LIB_DIR",
            format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH),
        );
    Ok(command)
}

/// Where the release build leaves the binary.
pub(crate) fn binary() -> Result<PathBuf> {
    Ok(target_folder()?.join(target()).join("release/crewdeck"))
}

fn target() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

fn target_folder() -> Result<PathBuf> {
    match repo::env("CARGO_TARGET_DIR") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(repo::cache()?.join("target")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_either_is_another_image() {
        let first = tag(b"program", "USER 1\n");
        assert_eq!(first, tag(b"program", "USER 1\n"));
        assert_ne!(first, tag(b"program", "USER 2\n"));
        assert_ne!(first, tag(b"another", "USER 1\n"));
        let (version, content) = first.rsplit_once('-').expect("two parts");
        assert_eq!((version, content.len()), (env!("CARGO_PKG_VERSION"), 8));
    }
}
