//! An etcd and an API server, new for each side, and who plays the rest of the cluster.

use crate::{
    cluster::{
        control_plane::Place,
        process::{output, succeeds},
        render,
    },
    repo,
};
use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    audit::{self, Audit},
    certificates::{BENCH, TOKENS},
    process::{Process, Run},
    scene::Scene,
};

/// The API server.
pub(super) const PORT: u16 = 17_443;
/// etcd, and the port after it.
const ETCD_PORT: u16 = 17_379;
/// The logs of pods.
const KUBELET_PORT: u16 = 17_250;
/// Where the operator keeps its Lease.
const LEASES: &str = "crewdeck-system";

/// What is run.
pub(super) struct Programs {
    /// `crewdeck`.
    pub(super) operator: PathBuf,
    /// `xtask-player`.
    pub(super) player: PathBuf,
    /// The folder of etcd.
    pub(super) etcd: PathBuf,
    /// The folder of the API server and kubectl.
    pub(super) kubernetes: PathBuf,
}

/// A running control plane.
pub(super) struct Cluster<'a> {
    programs: &'a Programs,
    pki: PathBuf,
    /// Its folder.
    pub(super) folder: PathBuf,
    // Dropped in this order.
    player: Option<Process>,
    api_server: Process,
    etcd: Process,
}

impl<'a> Cluster<'a> {
    /// Starts it in a folder of its own and waits until it answers; the definition of Platform is there then.
    pub(super) fn start(name: &str, programs: &'a Programs, scene: &Scene) -> Result<Self> {
        eprintln!("      {name}: start etcd and the API server");
        let folder = scene.path(name);
        fs::create_dir(&folder)?;
        let place = Place {
            etcd: programs.etcd.join("etcd"),
            api_server: programs.kubernetes.join("kube-apiserver"),
            data: folder.join("etcd"),
            pki: scene.path("pki"),
            etcd_port: ETCD_PORT,
            bind: "127.0.0.1",
            port: PORT,
            // Nobody is told, and loopback would be refused: an address for documentation.
            advertise: "192.0.2.1",
        };
        let policy = folder.join("audit-policy.json");
        render::write(&policy, &audit::policy().to_string(), 0o600, None)?;
        let mut api_server = place.api_server();
        api_server
            .arg(format!(
                "--token-auth-file={}",
                place.pki.join(TOKENS).display()
            ))
            .arg(format!("--audit-policy-file={}", policy.display()))
            .arg(format!(
                "--audit-log-path={}",
                folder.join("audit.log").display()
            ))
            // Megabytes; it is read by position and must not begin anew.
            .arg("--audit-log-maxsize=100000");
        let run = |name: &'static str| Run {
            name,
            user: None,
            end: "KILL",
            logs: &folder,
            errors: true,
        };
        let etcd = Process::start(&run("etcd"), &place.etcd())?;
        let api_server = Process::start(&run("apiserver"), &api_server)?;
        let mut cluster = Self {
            programs,
            pki: place.pki,
            folder: folder.clone(),
            player: None,
            api_server,
            etcd,
        };
        let (kubectl, pki) = (programs.kubernetes.join("kubectl"), cluster.pki.clone());
        let kubectl = || {
            let mut command = Command::new(&kubectl);
            command
                .arg("--kubeconfig")
                .arg(pki.join(format!("{BENCH}.kubeconfig")));
            command
        };
        cluster
            .api_server
            .wait("it answers", Duration::from_secs(90), || {
                Ok(succeeds(kubectl().args(["get", "--raw", "/readyz"])))
            })?;
        let definition = repo::root().join("crds/generated/platforms.crewdeck.io.yaml");
        output(
            kubectl()
                .args(["apply", "--server-side", "-f"])
                .arg(definition),
        )?;
        output(kubectl().args(["create", "namespace", LEASES]))?;
        let defined = ["wait", "--for=condition=Established", "--timeout=30s"];
        output(kubectl().args(defined).arg("crd/platforms.crewdeck.io"))?;
        cluster.player = Some(cluster.play()?);
        Ok(cluster)
    }

    /// Has the controllers' and the kubelet's part played.
    fn play(&self) -> Result<Process> {
        let mut command = self.player();
        command
            .args(["play", "--port", &KUBELET_PORT.to_string()])
            .arg("--certificate")
            .arg(self.pki.join("node.crt"))
            .arg("--key")
            .arg(self.pki.join("node.key"));
        let run = Run {
            name: "player",
            user: None,
            end: "KILL",
            logs: &self.folder,
            errors: true,
        };
        Process::start(&run, &command)
    }

    fn player(&self) -> Command {
        // Ends with us, however we end.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&self.programs.player)
            .arg("--kubeconfig")
            .arg(self.kubeconfig(BENCH));
        command
    }

    /// The way to the API server of one of the users.
    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.pki.join(format!("{user}.kubeconfig"))
    }

    /// Has the player do one thing, and gives what it found.
    pub(super) fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T> {
        let what = arguments.first().copied().unwrap_or_default();
        let asked = self
            .player()
            .args(arguments)
            .stdin(Stdio::null())
            // What it tells on the way is for people.
            .stderr(Stdio::inherit())
            .output()
            .context("start setpriv")?;
        anyhow::ensure!(asked.status.success(), "`{what}` failed: see above");
        serde_json::from_slice(&asked.stdout).with_context(|| format!("what `{what}` found"))
    }

    /// What is written from now on.
    pub(super) fn audit(&self) -> Result<Audit> {
        Audit::from_now(self.folder.join("audit.log"))
    }

    /// Its processes, by name.
    pub(super) fn processes(&self) -> Vec<(&'static str, u32)> {
        let player = self.player.as_ref().map(|player| ("player", player.id()));
        [
            ("API server", self.api_server.id()),
            ("etcd", self.etcd.id()),
        ]
        .into_iter()
        .chain(player)
        .collect()
    }

    /// Writes a file for the player.
    pub(super) fn file(&self, name: &str, content: &Value) -> Result<String> {
        let path = self.folder.join(name);
        render::write(&path, &content.to_string(), 0o600, None)?;
        Ok(path.to_string_lossy().into_owned())
    }
}

/// The spec of every Platform: the defaults, but for one partition a topic.
pub(super) fn spec() -> Value {
    let reference = |name: &str| json!({"name": name});
    let topics = [
        "user-activities",
        "task-events",
        "analytics-events",
        "system-notifications",
    ];
    let topics = topics.map(|name| json!({"name": name, "partitions": 1}));
    json!({
        "image": {"repository": "crewdeck.io/crewdeck", "tag": "0.1.0"},
        "publicURL": "https://crew.example.org",
        "database": {"secretRef": reference("postgres")},
        "redis": {"secretRef": reference("redis")},
        "events": {"transport": "Kafka", "kafka": {"secretRef": reference("kafka"), "topics": topics}},
    })
}
