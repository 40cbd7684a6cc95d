//! The local cluster as the tests see it: where it is, its objects, and its tools.

use crate::{client, leftovers};
use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service};
use kube::{
    Api, Client, Config,
    api::{DeleteParams, ListParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The answer of `cargo xtask status -o json`: the fields that the tests need.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// Login of the sample platform's first administrator.
    pub login: String,
    /// Its password.
    pub password: String,
    /// A kubeconfig whose server is reachable inside the namespace.
    pub admin_kubeconfig: PathBuf,
    /// Namespace of the sample platform.
    pub namespace: String,
    /// Name of the sample platform.
    pub platform: String,
    /// The folder with `kubectl` and `helm`.
    pub bin: PathBuf,
    /// Our own program, as it is in the image.
    pub binary: PathBuf,
    /// The file with the definition of `HTTPRoute`, which is not installed.
    pub http_routes: PathBuf,
    /// The servers beside the cluster.
    pub backends: Backends,
    /// What the sample platform runs.
    pub image: String,
    /// Other images that every node has.
    pub images: Images,
}

/// Images to upgrade to.
#[derive(Debug, Clone, Deserialize)]
pub struct Images {
    /// The same program under another tag.
    pub next: String,
    /// Its Jobs work, its roles end at once.
    pub broken: String,
}

/// The three servers.
#[derive(Debug, Clone, Deserialize)]
pub struct Backends {
    /// Primary and replica.
    pub postgres: Backend,
    /// One server.
    pub redis: Backend,
    /// One broker.
    pub kafka: Backend,
}

/// A server and its administrator's login.
#[derive(Debug, Clone, Deserialize)]
pub struct Backend {
    /// Address inside the namespace.
    pub host: String,
    /// Port inside the namespace.
    pub port: u16,
    /// Port of the replica, for the one server that has one.
    pub replica_port: Option<u16>,
    /// The administrator.
    pub admin: String,
    /// Its password.
    pub password: String,
    /// The certificate authority, as PEM or as the path of a PEM file.
    pub ca: String,
}

impl Backend {
    /// The certificate authority as PEM.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn ca_pem(&self) -> Result<String> {
        if self.ca.starts_with("-----BEGIN") {
            return Ok(self.ca.clone());
        }
        std::fs::read_to_string(&self.ca).with_context(|| format!("read {}", self.ca))
    }
}

/// What a program said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// Its answer.
    pub out: Vec<u8>,
    /// Its words beside the answer.
    pub words: String,
}

impl Said {
    /// The answer as text.
    ///
    /// # Errors
    /// When the program ended with another exit code than `code`, with its words; or the answer is no text.
    pub fn text(self, code: i32) -> Result<String> {
        let text = String::from_utf8(self.out)?;
        if self.code != Some(code) {
            bail!("exit code {:?}: {}{text}", self.code, self.words);
        }
        Ok(text)
    }
}

/// A random name for a namespace of a test.
#[must_use]
pub fn new_name(purpose: &str) -> String {
    use common_clock::Ids as _;
    let token = common_clock::SystemIds.token(6).to_lowercase();
    let suffix: String = token.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("e2e-{purpose}-{suffix}")
}

/// A connection to the cluster.
#[derive(Clone)]
pub struct Cluster {
    /// What the command told.
    pub status: Status,
    /// The administrator's client.
    pub kube: Client,
}

impl Cluster {
    /// Connects to the cluster named by the file in `CREWDECK_STATUS`; the first of a process clears away what former runs
    /// have left.
    ///
    /// # Errors
    /// When there is no such file, the API server does not answer, or something that was left does not go.
    pub async fn connect() -> Result<Self> {
        crate::init();
        #[expect(
            clippy::disallowed_methods,
            reason = "the one setting of the tests: where the cluster is"
        )]
        let path = std::env::var("CREWDECK_STATUS")
            .context("CREWDECK_STATUS is not set: run `cargo xtask test --only cluster`")?;
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let status: Status = serde_json::from_str(&text).with_context(|| format!("read {path}"))?;
        let kube = Client::try_from(config(&status).await?)?;
        kube.apiserver_version()
            .await
            .context("ask the API server for its version")?;
        let cluster = Self { status, kube };
        leftovers::clear_once(&cluster).await?;
        Ok(cluster)
    }

    /// The way to the API server, for a client of one's own.
    ///
    /// # Errors
    /// When the kubeconfig cannot be used.
    pub async fn config(&self) -> Result<Config> {
        config(&self.status).await
    }

    /// Secrets of a namespace, decoded.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<BTreeMap<String, String>> {
        let secret: Secret = Api::namespaced(self.kube.clone(), namespace)
            .get(name)
            .await
            .with_context(|| format!("get Secret {namespace}/{name}"))?;
        secret
            .data
            .unwrap_or_default()
            .into_iter()
            .map(|(key, value)| Ok((key, String::from_utf8(value.0)?)))
            .collect()
    }

    /// One file of a ConfigMap.
    ///
    /// # Errors
    /// When the object or the key is not there.
    pub async fn config_file(&self, namespace: &str, name: &str, key: &str) -> Result<String> {
        let map: ConfigMap = Api::namespaced(self.kube.clone(), namespace)
            .get(name)
            .await
            .with_context(|| format!("get ConfigMap {namespace}/{name}"))?;
        map.data
            .unwrap_or_default()
            .remove(key)
            .with_context(|| format!("{namespace}/{name} has no {key}"))
    }

    /// The address of a role's service.
    ///
    /// # Errors
    /// When there is none.
    pub async fn address(&self, namespace: &str, platform: &str, role: &str) -> Result<String> {
        let labels =
            format!("app.kubernetes.io/instance={platform},app.kubernetes.io/component={role}");
        let services = Api::<Service>::namespaced(self.kube.clone(), namespace)
            .list(&ListParams::default().labels(&labels))
            .await?;
        for service in services {
            let spec = service.spec.unwrap_or_default();
            let port = spec.ports.unwrap_or_default().first().map(|port| port.port);
            if let (Some(ip), Some(port)) = (spec.cluster_ip.filter(|ip| ip != "None"), port) {
                return Ok(format!("{ip}:{port}"));
            }
        }
        bail!("no Service in {namespace} with {labels}")
    }

    /// Pods with these labels.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn pods(&self, namespace: &str, labels: &str) -> Result<Vec<Pod>> {
        Ok(Api::namespaced(self.kube.clone(), namespace)
            .list(&ListParams::default().labels(labels))
            .await?
            .items)
    }

    /// What the running pods with these labels tell of themselves, one page after the other.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn metrics(&self, namespace: &str, labels: &str) -> Result<String> {
        let mut pages = String::new();
        for pod in self.pods(namespace, labels).await? {
            let status = pod.status.unwrap_or_default();
            if status.phase.as_deref() != Some("Running") {
                continue;
            }
            let ip = status.pod_ip.context("a running pod has an address")?;
            let api = client::Api::anonymous(&format!("{ip}:9000"))?;
            pages.push_str(&api.text("/metrics").await?);
        }
        Ok(pages)
    }

    /// What the operator tells of itself and of its Platforms.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn operator_metrics(&self) -> Result<String> {
        let labels = "app.kubernetes.io/component=operator";
        self.metrics("crewdeck-system", labels).await
    }

    /// Makes a namespace of a random name, with a label by which leftovers are found.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn new_namespace(&self, purpose: &str) -> Result<String> {
        let name = new_name(purpose);
        self.make_namespace(&name, purpose).await?;
        Ok(name)
    }

    /// The same, of this name.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn make_namespace(&self, name: &str, purpose: &str) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(serde_json::json!({
            "metadata": {"name": name, "labels": {
                (leftovers::LABEL): purpose,
                "pod-security.kubernetes.io/enforce": "restricted",
            }}
        }))?;
        Api::<Namespace>::all(self.kube.clone())
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(())
    }

    /// Asks for a namespace to be deleted; does not wait.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_namespace(&self, name: &str) -> Result<()> {
        Api::<Namespace>::all(self.kube.clone())
            .delete(name, &DeleteParams::default())
            .await?;
        Ok(())
    }

    /// Runs kubectl as the administrator and returns what it prints.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.tool("kubectl", arguments)
    }

    /// Runs helm as the administrator and returns what it prints.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        self.tool("helm", arguments)
    }

    /// Runs our own program's `platform`, the plugin of kubectl, as the administrator.
    ///
    /// # Errors
    /// When it cannot be started. How it ended is part of the answer.
    pub fn plugin(&self, arguments: &[&str]) -> Result<Said> {
        let output = Command::new(&self.status.binary)
            .arg("platform")
            .args(arguments)
            .env("KUBECONFIG", &self.status.admin_kubeconfig)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("run {}", self.status.binary.display()))?;
        Ok(Said {
            code: output.status.code(),
            out: output.stdout,
            words: String::from_utf8(output.stderr)?,
        })
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Result<String> {
        let output = Command::new(self.status.bin.join(name))
            .args(arguments)
            .env("KUBECONFIG", &self.status.admin_kubeconfig)
            .output()
            .with_context(|| format!("run {name}"))?;
        if !output.status.success() {
            bail!(
                "{name} {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What a person would look at first: conditions, pods and events of a namespace. For the message of a failure.
    #[must_use]
    pub fn describe(&self, namespace: &str) -> String {
        let show = |arguments: &[&str]| {
            self.kubectl(arguments)
                .unwrap_or_else(|error| format!("{error:#}"))
        };
        format!(
            "--- platforms\n{}\n--- pods\n{}\n--- events\n{}",
            show(&[
                "-n",
                namespace,
                "get",
                "platforms",
                "-o",
                "jsonpath={range .items[*].status.conditions[*]}{.type}={.status} {.reason}: {.message}{\"\\n\"}{end}"
            ]),
            show(&["-n", namespace, "get", "pods", "-o", "wide"]),
            show(&["-n", namespace, "get", "events", "--sort-by=.lastTimestamp"]),
        )
    }
}

async fn config(status: &Status) -> Result<Config> {
    let kubeconfig = Kubeconfig::read_from(&status.admin_kubeconfig)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}
