//! Images without Docker: one static binary, packed by Debian's buildah, imported into each node's containerd.

use super::{
    node::{self, Node},
    process::{logged, output},
};
use anyhow::{Context as _, Result};
use common_scratch::Folder;
use std::{fs, path::Path, process::Command};

/// The text of a Containerfile for one program.
pub(crate) fn containerfile(program: &Path, arguments: &[&str]) -> String {
    let file = program.file_name().unwrap_or_default().to_string_lossy();
    let entry: Vec<String> = std::iter::once(format!("/{file}"))
        .chain(arguments.iter().map(|argument| (*argument).to_owned()))
        .map(|word| format!("\"{word}\""))
        .collect();
    format!(
        "FROM scratch\nCOPY {file} /{file}\nUSER 10001:10001\nENTRYPOINT [{}]\n",
        entry.join(", ")
    )
}

/// Builds a Containerfile into an OCI archive, with a program beside it that it may copy.
pub(crate) fn pack(
    containerfile: &str,
    program: Option<&Path>,
    name: &str,
    archive: &Path,
    log: &Path,
) -> Result<()> {
    let work = Folder::new("image")?;
    let context = work.path().join("context");
    fs::create_dir(&context)?;
    if let Some(program) = program {
        let file = program.file_name().context("a program has a name")?;
        fs::copy(program, context.join(file))
            .with_context(|| format!("read {}", program.display()))?;
    }
    fs::write(context.join("Containerfile"), containerfile)?;
    let buildah = |arguments: &[&str]| {
        logged(
            Command::new("buildah")
                .arg("--root")
                .arg(work.path().join("root"))
                .arg("--runroot")
                .arg(work.path().join("run"))
                .args(arguments)
                // Neither overlay mounts nor a container to build in: nothing is run.
                .env("STORAGE_DRIVER", "vfs")
                .env("BUILDAH_ISOLATION", "chroot"),
            log,
            "`buildah --version` should be 1.28 or newer; read the log",
        )
    };
    let context = context.to_string_lossy();
    buildah(&["bud", "-q", "--layers=false", "-t", name, &context])?;
    let _ = fs::remove_file(archive);
    buildah(&[
        "push",
        "-q",
        name,
        &format!("oci-archive:{}:{name}", archive.display()),
    ])
}

/// Imports an archive into a node unless it has an image of that name.
pub(crate) fn load(node: &Node, archive: &Path, name: &str) -> Result<()> {
    let known = output(
        node.ctr()
            .args(["images", "ls", "-q", &format!("name=={name}")]),
    )?;
    if known.lines().any(|line| line == name) {
        return Ok(());
    }
    import(node, archive)
}

/// Imports an archive into a node.
pub(crate) fn import(node: &Node, archive: &Path) -> Result<()> {
    output(node.ctr().args(["images", "import"]).arg(archive))
        .map(drop)
        .with_context(|| format!("import {} into {}", archive.display(), node.name))
}

/// Gives an image another name in every node that runs.
pub(crate) fn tag_everywhere(name: &str, other: &str) -> Result<()> {
    for node in node::running() {
        output(node.ctr().args(["images", "tag", "--force", name, other]))
            .with_context(|| format!("name {name} {other} in {}", node.name))?;
    }
    Ok(())
}

/// Imports an archive into every node that runs.
pub(crate) fn import_everywhere(archive: &Path) -> Result<usize> {
    let nodes = node::running();
    anyhow::ensure!(
        !nodes.is_empty(),
        "no node runs: start the cluster with `cargo xtask up --no-platform`"
    );
    for node in &nodes {
        import(node, archive)?;
    }
    Ok(nodes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containerfile_runs_its_program_as_nobody() {
        let text = containerfile(Path::new("/usr/bin/catatonit"), &["-P"]);
        assert_eq!(
            text,
            "FROM scratch\nCOPY catatonit /catatonit\nUSER 10001:10001\nENTRYPOINT [\"/catatonit\", \"-P\"]\n"
        );
    }
}
