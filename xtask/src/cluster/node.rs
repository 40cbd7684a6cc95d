//! The nodes: control groups, container runtime, kubelet, kube-proxy.

use super::{
    build, image, network, paths,
    process::{self, Daemon, succeeds, wait_for},
    render,
};
use anyhow::{Context as _, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A node of the cluster.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its name in Kubernetes.
    pub(crate) name: &'static str,
    /// Its network namespace.
    pub(crate) netns: &'static str,
    /// Its address.
    pub(crate) ip: &'static str,
    /// The range of its pods.
    pub(crate) pods: &'static str,
}

/// The two nodes that there can be.
pub(crate) const NODES: [Node; 2] = [
    Node {
        name: "node-1",
        netns: "crewdeck",
        ip: "10.89.0.2",
        pods: "10.244.0.0/24",
    },
    Node {
        name: "node-2",
        netns: "crewdeck-2",
        ip: "10.89.0.3",
        pods: "10.244.1.0/24",
    },
];

/// The mount point of the control groups.
pub(crate) const CGROUPS: &str = "/sys/fs/cgroup";
/// The controllers of version 1 that a kubelet needs.
const CONTROLLERS: [&str; 9] = [
    "cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd",
];

/// The controllers of version 2 that a kubelet needs, as far as the kernel has them.
const CONTROLLERS_V2: [&str; 6] = ["cpu", "cpuset", "io", "memory", "hugetlb", "pids"];

/// The nodes whose runtime is alive.
pub(crate) fn running() -> Vec<&'static Node> {
    NODES
        .iter()
        .filter(|node| process::alive(&node.daemon("containerd")).is_some())
        .collect()
}

/// A node by its name.
pub(crate) fn named(name: &str) -> Result<&'static Node> {
    NODES
        .iter()
        .find(|node| node.name == name)
        .with_context(|| format!("there is no node {name}: node-1 or node-2"))
}

/// Whether the control groups are of version 1: there each daemon enters its node's freezer.
pub(crate) fn cgroups_v1() -> bool {
    Path::new(CGROUPS).join("freezer").is_dir()
}

impl Node {
    /// The name of one of its daemons.
    pub(crate) fn daemon(&self, daemon: &str) -> String {
        format!("{}.{daemon}", self.name)
    }

    /// The client of its container runtime.
    pub(crate) fn ctr(&self) -> Command {
        let mut command = Command::new(paths::bin("ctr"));
        command.arg("-a").arg(self.socket()).args(["-n", "k8s.io"]);
        command
    }

    /// The socket of its container runtime.
    pub(crate) fn socket(&self) -> PathBuf {
        paths::run(self.name).join("containerd.sock")
    }

    fn folder(&self) -> PathBuf {
        paths::state(self.name)
    }

    /// The group that freezes the node whole: kubelet, proxy, runtime and every pod.
    pub(crate) fn freezer(&self) -> PathBuf {
        Path::new(CGROUPS).join("freezer/crewdeck").join(self.name)
    }

    fn group(&self) -> Option<PathBuf> {
        cgroups_v1().then(|| self.freezer())
    }

    /// Makes its control groups, without which the kubelet does not start.
    fn control_groups(&self) -> Result<()> {
        if cgroups_v1() {
            self.control_groups_v1()
        } else {
            self.control_groups_v2()
        }
    }

    /// One group for all controllers. Those that it is to have are switched on above it; below, the kubelet does that.
    fn control_groups_v2(&self) -> Result<()> {
        let top = Path::new(CGROUPS);
        let ours = top.join("crewdeck");
        let own = ours.join(self.name);
        fs::create_dir_all(&own).with_context(|| format!("make {}", own.display()))?;
        for group in [top, &ours] {
            let words = |file: &str| -> Result<Vec<String>> {
                let path = group.join(file);
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("read {}", path.display()))?;
                Ok(text.split_whitespace().map(str::to_owned).collect())
            };
            let (can, does) = (
                words("cgroup.controllers")?,
                words("cgroup.subtree_control")?,
            );
            for controller in CONTROLLERS_V2.map(str::to_owned) {
                if can.contains(&controller) && !does.contains(&controller) {
                    fs::write(
                        group.join("cgroup.subtree_control"),
                        format!("+{controller}"),
                    )
                    .with_context(|| {
                        format!("hand controller {controller} on below {}", group.display())
                    })?;
                }
            }
        }
        Ok(())
    }

    /// One group per controller. The freezer's also holds the node's daemons, so that `cluster freeze` stops all at
    /// once; control plane and backends are outside.
    fn control_groups_v1(&self) -> Result<()> {
        for controller in CONTROLLERS {
            let top = Path::new(CGROUPS).join(controller);
            let ours = top.join("crewdeck");
            let own = ours.join(self.name);
            fs::create_dir_all(&own).with_context(|| format!("make {}", own.display()))?;
            if controller == "cpuset" {
                // A new group of this controller is empty and takes no process.
                for file in ["cpuset.cpus", "cpuset.mems"] {
                    let all = fs::read_to_string(top.join(file))?;
                    fs::write(ours.join(file), &all)?;
                    fs::write(own.join(file), &all)?;
                }
            }
        }
        Ok(())
    }

    /// Starts the container runtime.
    pub(crate) fn start_runtime(&self) -> Result<()> {
        self.control_groups()?;
        let folder = self.folder();
        fs::create_dir_all(folder.join("cni"))?;
        fs::create_dir_all(paths::run(self.name))?;
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let (dir, run) = (text(folder.clone()), text(paths::run(self.name)));
        let pause = build::PAUSE.version;
        let config = render::file(
            &paths::source("node/containerd.toml"),
            &[("DIR", &dir), ("RUN", &run), ("PAUSE", pause)],
        )?;
        render::write(&folder.join("containerd.toml"), &config, 0o644, None)?;
        let bridge = render::file(
            &paths::source("node/bridge.conflist"),
            &[("DIR", &dir), ("PODS", self.pods)],
        )?;
        render::write(&folder.join("cni/10-bridge.conflist"), &bridge, 0o644, None)?;
        let mut command = Command::new(paths::bin("containerd"));
        command
            .arg("-c")
            .arg(folder.join("containerd.toml"))
            .env("PATH", path());
        self.daemon_of("containerd", &command, &[folder.join("containerd.toml")])
    }

    /// Imports the images of the cluster's own pods.
    pub(crate) fn load_images(&self) -> Result<()> {
        wait_for(
            &self.daemon("containerd"),
            "the container runtime",
            Duration::from_secs(30),
            || succeeds(self.ctr().arg("version")),
        )?;
        for component in [&build::PAUSE, &build::COREDNS, &build::METRICS_SERVER] {
            image::load(self, &component.archive()?, &component.image()?)?;
        }
        Ok(())
    }

    /// Starts kubelet and kube-proxy.
    pub(crate) fn start_kubelet(&self) -> Result<()> {
        let folder = self.folder();
        // A kubelet hands its own servers' names to pods that ask for them; there is none.
        render::write(
            &folder.join("resolv.conf"),
            "nameserver 127.0.0.1\n",
            0o644,
            None,
        )?;
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let config = render::file(
            &paths::source("node/kubelet.yaml"),
            &[
                ("NODE", self.name),
                ("DIR", &text(folder.clone())),
                ("RUN", &text(paths::run(self.name))),
                ("PKI", &text(paths::state("pki"))),
            ],
        )?;
        render::write(&folder.join("kubelet.yaml"), &config, 0o644, None)?;
        let mut kubelet = Command::new(paths::bin("kubelet"));
        kubelet
            .arg(format!(
                "--config={}",
                folder.join("kubelet.yaml").display()
            ))
            .arg(format!(
                "--kubeconfig={}",
                paths::pki(&format!("{}.kubeconfig", self.name)).display()
            ))
            .arg(format!("--root-dir={}", folder.join("kubelet").display()))
            .arg(format!("--hostname-override={}", self.name))
            .arg(format!("--node-ip={}", self.ip))
            .env("PATH", path());
        self.daemon_of("kubelet", &kubelet, &[folder.join("kubelet.yaml")])?;
        let mut proxy = Command::new(paths::bin("kube-proxy"));
        proxy
            .arg(format!(
                "--kubeconfig={}",
                paths::pki("proxy.kubeconfig").display()
            ))
            .arg("--proxy-mode=nftables")
            .arg(format!("--cluster-cidr={}", network::PODS))
            .arg(format!("--hostname-override={}", self.name))
            // The table of connections belongs to the machine.
            .arg("--conntrack-max-per-core=0");
        self.daemon_of("proxy", &proxy, &[])
    }

    fn daemon_of(&self, name: &str, command: &Command, reads: &[PathBuf]) -> Result<()> {
        Daemon {
            name: &self.daemon(name),
            netns: Some(self.netns),
            group: self.group(),
            reads,
        }
        .start(command)
    }

    /// Freezes or thaws the node.
    pub(crate) fn freeze(&self, frozen: bool) -> Result<()> {
        let file = self.freezer().join("freezer.state");
        let state = if frozen { "FROZEN" } else { "THAWED" };
        fs::write(&file, state).with_context(|| {
            format!(
                "write {}: does {} run, with control groups of version 1?",
                file.display(),
                self.name
            )
        })?;
        process::wait(
            &format!("{} to be {state}", self.name),
            Duration::from_secs(10),
            "look at its processes (`ps -eo pid,stat,args`): one that waits for the kernel (state D) cannot be frozen; run the command again",
            || fs::read_to_string(&file).is_ok_and(|now| now.trim() == state),
        )?;
        Ok(())
    }
}

/// Where programs are looked for, ours first: containerd looks for its shim there.
fn path() -> String {
    let inherited = crate::repo::env("PATH").unwrap_or_default();
    format!("{}:{inherited}", paths::state("bin").display())
}
