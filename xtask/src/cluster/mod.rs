//! The local cluster: Kubernetes and the backends beside it, as processes of this machine.
//!
//! Every step looks at what is there and makes what is missing, so a bring-up that was killed at any point is
//! continued by the next one. What runs with another version or other settings is started anew, and nothing else.
//! `tests/cluster/` holds the configuration and the Go module.

pub(crate) mod archives;
pub(crate) mod backends;
pub(crate) mod build;
pub(crate) mod control_plane;
pub(crate) mod down;
pub(crate) mod forward;
mod guard;
pub(crate) mod image;
mod leftovers;
mod network;
pub(crate) mod node;
mod orphans;
pub(crate) mod packages;
pub(crate) mod paths;
pub(crate) mod pki;
pub(crate) mod platform;
pub(crate) mod process;
pub(crate) mod product;
pub(crate) mod progress;
pub(crate) mod render;
mod running;
pub(crate) mod secrets;
pub(crate) mod status;
pub(crate) mod target;
pub(crate) mod turn;
pub(crate) mod versions;

pub(crate) use guard::{Lock, require};

use anyhow::{Context as _, Result};
use node::{NODES, Node};
use progress::{Failure, Progress, Step};
use std::{fs, os::unix::fs::DirBuilderExt as _, process::Command, time::Duration};

/// How many steps [`up`] has.
pub(crate) const STEPS: usize = 6;

/// kubectl as the administrator, inside the cluster's network.
pub(crate) fn kubectl() -> Command {
    let mut command = process::inside(NODES[0].netns, paths::bin("kubectl"));
    command
        .arg("--kubeconfig")
        .arg(paths::pki("admin.kubeconfig"));
    command
}

/// Helm as the administrator, inside the cluster's network, with nothing outside our folders.
fn helm() -> Command {
    let mut command = process::inside(NODES[0].netns, paths::bin("helm"));
    command
        .arg("--kubeconfig")
        .arg(paths::pki("admin.kubeconfig"))
        .env("HELM_CACHE_HOME", paths::state("helm"))
        .env("HELM_CONFIG_HOME", paths::state("helm"))
        .env("HELM_DATA_HOME", paths::state("helm"));
    process::of_step(&mut command);
    command
}

/// Brings cluster and backends up, with one or two nodes; a second one that runs stays, and is not forgotten.
pub(crate) fn up(progress: &mut Progress, nodes: usize) -> Result<()> {
    let nodes = &NODES[..nodes.max(node::running().len()).clamp(1, NODES.len())];
    folders()?;
    progress.step("Debian packages", packages::ensure)?;
    progress.step("programs", build::ensure_all)?;
    progress.step("control plane", |step| {
        pki::ensure()?;
        for node in nodes {
            network::ensure(node)?;
        }
        if nodes.len() == NODES.len() {
            network::join()?;
        }
        control_plane::start()?;
        for node in nodes {
            node.start_runtime()?;
        }
        backends::begin(step)?;
        control_plane::finish()
    })?;
    progress.step("nodes", |step| start_nodes(nodes, step))?;
    progress.step("PostgreSQL, Redis, Kafka", |step| {
        backends::finish(step)?;
        apply("manifests/backends.yaml", &[])
    })?;
    progress.step("cluster DNS", |_| dns())
}

fn folders() -> Result<()> {
    for folder in [paths::state("log"), paths::run("")] {
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let helm = paths::state("helm");
    if !helm.exists() {
        fs::DirBuilder::new().mode(0o700).create(&helm)?;
    }
    Ok(())
}

fn start_nodes(nodes: &[Node], step: &Step) -> Result<()> {
    for node in nodes {
        step.say(format!("{}: images", node.name));
        node.load_images()?;
        node.start_kubelet()?;
    }
    apply("manifests/dns.yaml", &[("COREDNS", &build::COREDNS.tag()?)])?;
    apply(
        "manifests/metrics.yaml",
        &[("METRICS_SERVER", &build::METRICS_SERVER.tag()?)],
    )?;
    forward::ensure(pki::API_PORT, &format!("{}:6443", NODES[0].ip))?;
    for node in nodes {
        step.say(format!("{}: wait until it is Ready", node.name));
        let object = format!("node/{}", node.name);
        process::wait_for(
            &node.daemon("kubelet"),
            &format!("{} to be Ready", node.name),
            Duration::from_secs(90),
            || {
                process::succeeds(kubectl().args([
                    "wait",
                    "--for=condition=Ready",
                    &object,
                    "--timeout=1s",
                ]))
            },
        )?;
    }
    Ok(())
}

fn dns() -> Result<()> {
    let rollout = [
        "-n",
        "kube-system",
        "rollout",
        "status",
        "deploy/coredns",
        "--timeout=1s",
    ];
    let advice = |program: &str| {
        format!(
            "look with `cargo xtask kubectl -- -n kube-system describe pods` and `cargo xtask cluster logs {program}`; then run `cargo xtask up` again, which goes on where it stands"
        )
    };
    let log = |program: &str| paths::log(&NODES[0].daemon(program));
    process::wait(
        "CoreDNS",
        Duration::from_secs(90),
        &advice("node-1.kubelet"),
        || process::succeeds(kubectl().args(rollout)),
    )
    .map_err(|failure| failure.with_log(&log("kubelet")))?;
    process::wait(
        "the cluster's DNS service",
        Duration::from_secs(30),
        &advice("node-1.proxy"),
        || {
            process::succeeds(process::inside(NODES[0].netns, "timeout").args([
                "1",
                "bash",
                "-c",
                "</dev/tcp/10.96.0.10/53",
            ]))
        },
    )
    .map_err(|failure| failure.with_log(&log("proxy")))?;
    Ok(())
}

/// Applies a manifest of `tests/cluster/` after filling its places.
fn apply(file: &str, values: &[(&str, &str)]) -> Result<()> {
    let text = render::file(&paths::source(file), values)?;
    applied(&text, file)
}

/// Has the cluster take objects; `what` says which.
fn applied(text: &str, what: &str) -> Result<()> {
    process::fed(kubectl().args(["apply", "-f", "-"]), text).map_err(|error| {
        Failure::new(
            format!("{what} cannot be applied: {error:#}"),
            "run `cargo xtask up` again; if it fails the same way, see what the API server says (`cargo xtask cluster logs apiserver`)",
        )
        .with_log(&paths::log("apiserver"))
    })?;
    Ok(())
}
