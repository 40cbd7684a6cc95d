//! The end of the cluster: no process, mount, network namespace, control group or file stays.

use super::{
    backends, leftovers,
    node::{self, CGROUPS, NODES},
    paths,
    process::{self, netns_file, output},
    progress::{Failure, Progress},
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How many steps [`run`] has.
pub(crate) const STEPS: usize = 4;

/// Stops everything; removes the state unless it is to be kept for the next `up`.
pub(crate) fn run(progress: &mut Progress, keep: bool) -> Result<()> {
    progress.step("pods", |_| {
        pods();
        Ok(())
    })?;
    progress.step("daemons", |_| daemons())?;
    progress.step("mounts, networks, groups", |_| {
        unmount()?;
        networks()?;
        groups()
    })?;
    progress.step("files", |_| files(keep))
}

/// Thaws the nodes, stops what would start pods again, then the pods.
fn pods() {
    for node in &NODES {
        if node.freezer().exists() {
            // A frozen process takes no signal.
            let _ = node.freeze(false);
        }
    }
    let first: Vec<String> = process::names()
        .into_iter()
        .filter(|name| {
            let (_, program) = name.rsplit_once('.').unwrap_or_default();
            name.starts_with("forward-") || ["proxy", "kubelet"].contains(&program)
        })
        .collect();
    process::stop("TERM", &first);
    for node in node::running() {
        let list = |what: &str| -> Vec<String> {
            output(node.ctr().args([what, "ls", "-q"]))
                .unwrap_or_default()
                .lines()
                .map(str::to_owned)
                .collect()
        };
        // Their shims end with the tasks. What resists is ended by its mark below.
        for task in list("tasks") {
            let _ = output(node.ctr().args(["tasks", "rm", "-f", &task]));
        }
        for container in list("containers") {
            let _ = output(node.ctr().args(["containers", "rm", &container]));
        }
    }
}

fn daemons() -> Result<()> {
    backends::stop_postgres();
    let names = process::names();
    for signal in ["KILL", "TERM"] {
        let those = names.iter().filter(|name| process::end_of(name) == signal);
        process::stop(signal, &those.cloned().collect::<Vec<_>>());
    }
    // Such as the shim of a pod that never started.
    process::kill("KILL", &process::marked());
    let limit = Duration::from_secs(10);
    if process::until(limit, || process::marked().is_empty()) {
        return Ok(());
    }
    let left: Vec<String> = process::marked().iter().map(u32::to_string).collect();
    let left = left.join(",");
    Err(Failure::new(
        format!("processes go on {} s after SIGKILL: {left}", limit.as_secs()),
        format!("see what they wait for (`ps -o pid,stat,wchan:30,args -p {left}`), then run `cargo xtask down` again"),
    )
    .into())
}

/// Unmounts everything below our folders, the deepest first.
fn unmount() -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("read the mounts")?;
    for target in ours(&mounts) {
        output(Command::new("umount").arg("-l").arg(&target))?;
    }
    Ok(())
}

/// The mount points below our folders, the deepest first.
fn ours(mounts: &str) -> Vec<PathBuf> {
    let mut targets: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|target| PathBuf::from(target.replace("\\040", " ")))
        .filter(|target| target.starts_with(paths::STATE) || target.starts_with(paths::RUN))
        .collect();
    targets.sort();
    targets.reverse();
    targets
}

fn networks() -> Result<()> {
    for node in NODES.iter().rev() {
        if netns_file(node.netns).exists() {
            output(Command::new("ip").args(["netns", "del", node.netns]))?;
        }
    }
    // `ip netns add` mounts its folder on itself; the last one to leave takes that away.
    let folder = Path::new("/run/netns");
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
        while process::succeeds(Command::new("umount").arg(folder)) {}
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// Removes our control groups, the deepest first.
fn groups() -> Result<()> {
    // Version 2 has one hierarchy, version 1 one for each controller.
    let controllers = fs::read_dir(CGROUPS)?.flatten().map(|entry| entry.path());
    for hierarchy in std::iter::once(PathBuf::from(CGROUPS)).chain(controllers) {
        let ours = hierarchy.join("crewdeck");
        if ours.is_dir() {
            remove_group(&ours)?;
        }
    }
    Ok(())
}

fn remove_group(group: &Path) -> Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_group(&entry.path())?;
        }
    }
    // The kernel needs a moment after the last process.
    process::wait(
        &format!("{} to be empty", group.display()),
        Duration::from_secs(5),
        &format!(
            "see what is in it (`cat {}/cgroup.procs`), then run `cargo xtask down` again",
            group.display()
        ),
        || fs::remove_dir(group).is_ok() || !group.exists(),
    )?;
    Ok(())
}

fn files(keep: bool) -> Result<()> {
    let remove = |path: &Path| match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    };
    remove(Path::new(paths::RUN))?;
    leftovers::remove()?;
    if !keep {
        remove(Path::new(paths::STATE))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_mounts_and_the_deepest_first() {
        let mounts = "proc /proc proc rw 0 0\n\
            overlay /run/crewdeck/node-1/containerd/a overlay rw 0 0\n\
            tmpfs /var/lib/crewdeck/node-1/kubelet/pods/x tmpfs rw 0 0\n\
            tmpfs /var/lib/crewdeck-other tmpfs rw 0 0\n\
            overlay /run/crewdeck/node-1/containerd/a/b overlay rw 0 0\n";
        let targets = ours(mounts);
        assert_eq!(
            targets,
            [
                "/var/lib/crewdeck/node-1/kubelet/pods/x",
                "/run/crewdeck/node-1/containerd/a/b",
                "/run/crewdeck/node-1/containerd/a",
            ]
            .map(PathBuf::from)
        );
    }
}
