//! etcd, API server, controller manager, scheduler: in node-1's network, outside of its freezer.

use super::{
    kubectl, network,
    node::NODES,
    paths,
    process::{Daemon, succeeds, wait_for},
};
use anyhow::Result;
use std::{fs, path::Path, process::Command, time::Duration};

/// Starts etcd and the API server; does not wait.
pub(crate) fn start() -> Result<()> {
    fs::create_dir_all(paths::state("etcd"))?;
    let mut etcd = Command::new(paths::bin("etcd"));
    etcd.arg("--data-dir").arg(paths::state("etcd")).args([
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        // Survives a killed process, not a lost machine.
        "--unsafe-no-fsync",
    ]);
    daemon("etcd", &etcd)?;
    daemon("apiserver", &api_server())
}

fn api_server() -> Command {
    let mut command = Command::new(paths::bin("kube-apiserver"));
    command
        .args([
            "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=0.0.0.0",
            "--secure-port=6443",
            "--allow-privileged=true",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--enable-aggregator-routing",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--kubelet-preferred-address-types=InternalIP",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        ])
        .arg(format!("--advertise-address={}", NODES[0].ip))
        .arg(format!("--service-cluster-ip-range={}", network::SERVICES));
    for (option, file) in [
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
        ("client-ca-file", "ca.crt"),
        ("service-account-key-file", "sa.key"),
        ("service-account-signing-key-file", "sa.key"),
        ("kubelet-client-certificate", "kubelet-client.crt"),
        ("kubelet-client-key", "kubelet-client.key"),
        ("kubelet-certificate-authority", "ca.crt"),
        ("requestheader-client-ca-file", "ca.crt"),
        ("proxy-client-cert-file", "frontproxy.crt"),
        ("proxy-client-key-file", "frontproxy.key"),
    ] {
        command.arg(with_file(option, &paths::pki(file)));
    }
    command
}

/// Waits until the API server answers, then starts what depends on it.
pub(crate) fn finish() -> Result<()> {
    wait_for(
        "apiserver",
        "the API server",
        Duration::from_secs(90),
        || succeeds(kubectl().args(["get", "--raw", "/readyz"])),
    )?;
    let mut manager = Command::new(paths::bin("kube-controller-manager"));
    own_kubeconfig(&mut manager, "kcm.kubeconfig");
    manager
        .args([
            "--leader-elect=false",
            "--use-service-account-credentials",
            // Faster than the defaults, so that tests need not wait.
            "--node-monitor-grace-period=20s",
            "--node-monitor-period=2s",
            "--horizontal-pod-autoscaler-sync-period=5s",
        ])
        .arg(with_file(
            "service-account-private-key-file",
            &paths::pki("sa.key"),
        ))
        .arg(with_file("root-ca-file", &paths::pki("ca.crt")))
        .arg(with_file(
            "cluster-signing-cert-file",
            &paths::pki("ca.crt"),
        ))
        .arg(with_file("cluster-signing-key-file", &paths::pki("ca.key")));
    daemon("kcm", &manager)?;
    let mut scheduler = Command::new(paths::bin("kube-scheduler"));
    own_kubeconfig(&mut scheduler, "sched.kubeconfig");
    scheduler.arg("--leader-elect=false");
    daemon("sched", &scheduler)
}

fn own_kubeconfig(command: &mut Command, file: &str) {
    for option in [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ] {
        command.arg(with_file(option, &paths::pki(file)));
    }
}

fn with_file(option: &str, file: &Path) -> String {
    format!("--{option}={}", file.display())
}

fn daemon(name: &str, command: &Command) -> Result<()> {
    Daemon {
        name,
        netns: Some(NODES[0].netns),
        group: None,
    }
    .start(command)
}
