//! etcd, API server, controller manager, scheduler: in node-1's network, outside of its freezer. The first two, which are
//! enough to keep objects, may stand elsewhere too.

use super::{
    kubectl, network,
    node::NODES,
    paths,
    process::{Daemon, succeeds, wait_for},
};
use anyhow::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Where etcd and an API server find their files and listen.
pub(crate) struct Place {
    /// The program.
    pub(crate) etcd: PathBuf,
    /// The program.
    pub(crate) api_server: PathBuf,
    /// Where etcd keeps its data.
    pub(crate) data: PathBuf,
    /// The folder with the certificates, named as `pki.rs` names them.
    pub(crate) pki: PathBuf,
    /// etcd's port for clients; the next one is for its peers, of which there are none.
    pub(crate) etcd_port: u16,
    /// The address that the API server listens at.
    pub(crate) bind: &'static str,
    /// The API server's port.
    pub(crate) port: u16,
    /// The address of the API server that pods are told.
    pub(crate) advertise: &'static str,
}

impl Place {
    /// That of the local cluster.
    fn local() -> Self {
        Self {
            etcd: paths::bin("etcd"),
            api_server: paths::bin("kube-apiserver"),
            data: paths::state("etcd"),
            pki: paths::state("pki"),
            etcd_port: 2379,
            bind: "0.0.0.0",
            port: 6443,
            advertise: NODES[0].ip,
        }
    }

    /// What starts etcd.
    pub(crate) fn etcd(&self) -> Command {
        let clients = format!("http://127.0.0.1:{}", self.etcd_port);
        let mut etcd = Command::new(&self.etcd);
        etcd.arg("--data-dir")
            .arg(&self.data)
            .arg(format!("--listen-client-urls={clients}"))
            .arg(format!("--advertise-client-urls={clients}"))
            .arg(format!(
                "--listen-peer-urls=http://127.0.0.1:{}",
                self.etcd_port + 1
            ))
            // Survives a killed process, not a lost machine.
            .arg("--unsafe-no-fsync");
        etcd
    }

    /// What starts the API server.
    pub(crate) fn api_server(&self) -> Command {
        let mut command = Command::new(&self.api_server);
        command
            .args([
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
            .arg(format!(
                "--etcd-servers=http://127.0.0.1:{}",
                self.etcd_port
            ))
            .arg(format!("--bind-address={}", self.bind))
            .arg(format!("--secure-port={}", self.port))
            .arg(format!("--advertise-address={}", self.advertise))
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
            command.arg(with_file(option, &self.pki.join(file)));
        }
        command
    }
}

/// Starts etcd and the API server; does not wait.
pub(crate) fn start() -> Result<()> {
    let place = Place::local();
    fs::create_dir_all(&place.data)?;
    daemon("etcd", &place.etcd())?;
    daemon("apiserver", &place.api_server())
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
        // Everything is an argument.
        reads: &[],
    }
    .start(command)
}
