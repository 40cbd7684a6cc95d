//! One `Platform`, from the outside: applied, watched, deleted.

use crate::{
    cluster::{Backend, Cluster},
    wait::wait_for,
};
use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams,
        ValidationDirective,
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The chart of a platform.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts/crewdeck-platform");
/// The long-running roles, in the order in which they roll.
pub const ROLES: [&str; 6] = [
    "web",
    "worker",
    "beat",
    "realtime",
    "analytics",
    "analytics-worker",
];
/// Every login that a platform has, by its Secret.
pub const LOGINS: [&str; 8] = [
    "db-app",
    "db-migrator",
    "db-analytics-reader",
    "db-analytics-owner",
    "redis-app",
    "redis-analytics",
    "kafka-app",
    "kafka-analytics",
];
/// Who the tests are, to the API server.
const MANAGER: &str = "crewdeck-tests";

/// A login as the status tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Whose it is, such as `db-app`.
    pub client: String,
    /// `Active` or `Draining`.
    pub phase: String,
    /// Its generation.
    pub epoch: i64,
    /// What the former login waits for.
    pub waits_for: String,
}

/// A `Platform` in a namespace, and the way to it.
#[derive(Clone)]
pub struct Platform {
    cluster: Cluster,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word for machines.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// The generation that was judged.
    pub generation: i64,
}

impl Platform {
    /// The sample platform that `cargo xtask up` made, Ready.
    ///
    /// # Errors
    /// When it is not Ready within a minute.
    pub async fn ready_sample(cluster: &Cluster) -> Result<Self> {
        let sample = Self::sample(cluster);
        sample.ready(Duration::from_mins(1)).await?;
        Ok(sample)
    }

    /// The same, as it is.
    fn sample(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
            namespace: cluster.status.namespace.clone(),
            name: cluster.status.platform.clone(),
        }
    }

    /// One that somebody else makes, or made.
    #[must_use]
    pub fn existing(cluster: &Cluster, namespace: &str, name: &str) -> Self {
        Self {
            cluster: cluster.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The value of a key in a role's configuration file.
    ///
    /// # Errors
    /// When the role has no such file, or the file no such key.
    pub async fn setting(&self, role: &str, key: &str) -> Result<String> {
        let name = format!("{}-{role}-config", self.name);
        let config = self
            .cluster
            .config_file(&self.namespace, &name, "crewdeck.toml")
            .await?;
        config
            .lines()
            .find_map(|line| {
                let (name, value) = line.split_once('=')?;
                (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
            })
            .with_context(|| format!("{role} has {key}"))
    }

    /// A name in a new namespace with the three Secrets and the operator's rights, but no `Platform` yet.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn prepare(cluster: &Cluster, purpose: &str) -> Result<Self> {
        let platform = Self::named(cluster, purpose).await?;
        platform.grant()?;
        Ok(platform)
    }

    /// A name in a new namespace with the three Secrets alone: what there is before the chart is installed.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn named(cluster: &Cluster, purpose: &str) -> Result<Self> {
        let namespace = cluster.new_namespace(purpose).await?;
        Self::with_secrets(cluster, &namespace, "p").await
    }

    /// A name in a namespace that is there, with the three Secrets and the operator's rights, but no `Platform` yet.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn prepare_as(cluster: &Cluster, namespace: &str, name: &str) -> Result<Self> {
        let platform = Self::with_secrets(cluster, namespace, name).await?;
        platform.grant()?;
        Ok(platform)
    }

    async fn with_secrets(cluster: &Cluster, namespace: &str, name: &str) -> Result<Self> {
        let platform = Self::existing(cluster, namespace, name);
        let backends = &cluster.status.backends;
        platform
            .write_secret(
                "postgres",
                &service_binding(&backends.postgres, "postgres")?,
            )
            .await?;
        platform
            .write_secret("redis", &service_binding(&backends.redis, "redis")?)
            .await?;
        platform
            .write_secret("kafka", &kafka_binding(&backends.kafka)?)
            .await?;
        Ok(platform)
    }

    /// A whole, working spec: the sample's image and address, this platform's Secrets.
    ///
    /// # Errors
    /// When there is no sample to take the image from.
    pub async fn spec(&self) -> Result<Value> {
        let sample = Self::sample(&self.cluster).get().await?;
        Ok(json!({
            "image": sample.data["spec"]["image"],
            "publicURL": format!("http://web.{}.svc", self.namespace),
            "database": {"secretRef": {"name": self.secret("postgres")}, "deletionPolicy": "Delete"},
            "redis": {"secretRef": {"name": self.secret("redis")}, "deletionPolicy": "Delete"},
            "events": {
                "transport": "Kafka",
                "kafka": {"secretRef": {"name": self.secret("kafka")}, "deletionPolicy": "Delete"},
            },
        }))
    }

    /// The name of one of its Secrets: `p-postgres` and so on.
    #[must_use]
    pub fn secret(&self, backend: &str) -> String {
        format!("{}-{backend}", self.name)
    }

    /// Writes one of its Secrets.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn write_secret(&self, backend: &str, data: &BTreeMap<String, String>) -> Result<()> {
        let name = self.secret(backend);
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data,
        });
        Api::<Secret>::namespaced(self.cluster.kube.clone(), &self.namespace)
            .patch(
                &name,
                &PatchParams::apply(MANAGER).force(),
                &Patch::Apply(&secret),
            )
            .await
            .with_context(|| format!("write Secret {name}"))?;
        Ok(())
    }

    /// Gives the operator the rights that the platform's chart gives.
    fn grant(&self) -> Result<()> {
        // The Secrets of the user are named in the values: the grants are for exactly these.
        let secrets = [
            ("spec.database.secretRef.name", "postgres"),
            ("spec.redis.secretRef.name", "redis"),
            ("spec.events.kafka.secretRef.name", "kafka"),
        ]
        .map(|(value, backend)| format!("--set={value}={}", self.secret(backend)));
        let mut arguments = vec![
            "template",
            &self.name,
            CHART,
            "--namespace",
            &self.namespace,
            "--skip-tests",
        ];
        arguments.extend(secrets.iter().map(String::as_str));
        let text = self.cluster.helm(&arguments)?;
        // Everything of the chart but the resource itself, which each test writes as it needs.
        let rights: Vec<&str> = text
            .split("\n---\n")
            .filter(|document| document.contains("rbac.authorization.k8s.io"))
            .collect();
        ensure!(
            !rights.is_empty(),
            "the chart crewdeck-platform grants nothing"
        );
        let file = std::env::temp_dir().join(format!("{}.yaml", self.namespace));
        std::fs::write(&file, rights.join("\n---\n"))?;
        let applied = self.cluster.kubectl(&[
            "apply",
            "--namespace",
            &self.namespace,
            "--filename",
            &file.to_string_lossy(),
        ]);
        std::fs::remove_file(&file)?;
        applied.map(|_| ())
    }

    fn api(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("crewdeck.io", "v1beta1", "Platform");
        Api::namespaced_with(
            self.cluster.kube.clone(),
            &self.namespace,
            &ApiResource::from_gvk(&kind),
        )
    }

    /// Writes the resource as `kubectl apply --server-side` does; unknown fields are errors.
    ///
    /// # Errors
    /// When the API server refuses, with what it says.
    pub async fn apply(&self, spec: &Value) -> Result<DynamicObject> {
        let object = json!({
            "apiVersion": "crewdeck.io/v1beta1", "kind": "Platform",
            "metadata": {"name": self.name}, "spec": spec,
        });
        let parameters = PatchParams {
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::apply(MANAGER).force()
        };
        Ok(self
            .api()
            .patch(&self.name, &parameters, &Patch::Apply(&object))
            .await?)
    }

    /// The resource as it is.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn get(&self) -> Result<DynamicObject> {
        let Self {
            namespace, name, ..
        } = self;
        self.api()
            .get(name)
            .await
            .with_context(|| format!("get Platform {namespace}/{name}"))
    }

    /// The signing keys that its status tells, as `(kid, phase)`.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn signing_keys(&self) -> Result<Vec<(String, String)>> {
        let keys = self.told_list("signingKeys").await?;
        let keys = keys
            .iter()
            .map(|key| (word(key, "kid"), word(key, "phase")));
        Ok(keys.collect())
    }

    /// The logins that its status tells.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn logins(&self) -> Result<Vec<Login>> {
        let logins = self.told_list("credentials").await?;
        let tell = |login: &Value| Login {
            client: word(login, "client"),
            phase: word(login, "phase"),
            epoch: login["epoch"].as_i64().unwrap_or_default(),
            waits_for: word(login, "message"),
        };
        Ok(logins.iter().map(tell).collect())
    }

    /// A list of its status; empty while there is none.
    async fn told_list(&self, key: &str) -> Result<Vec<Value>> {
        let object = self.get().await?;
        let list = object.data["status"][key].as_array().cloned();
        Ok(list.unwrap_or_default())
    }

    /// Its conditions by type.
    ///
    /// # Errors
    /// When it is not there, or a condition is not whole.
    pub async fn conditions(&self) -> Result<BTreeMap<String, Condition>> {
        let list = self.told_list("conditions").await?;
        list.iter()
            .map(|condition| {
                let text = |key: &str| {
                    condition[key]
                        .as_str()
                        .map(str::to_owned)
                        .with_context(|| format!("{condition} has no {key}"))
                };
                Ok((
                    text("type")?,
                    Condition {
                        status: text("status")?,
                        reason: text("reason")?,
                        message: text("message")?,
                        generation: condition["observedGeneration"].as_i64().unwrap_or(-1),
                    },
                ))
            })
            .collect()
    }

    /// Waits until it is Ready for the generation that is written now.
    ///
    /// # Errors
    /// At the deadline, with everything a person would look at.
    pub async fn ready(&self, limit: Duration) -> Result<()> {
        let generation = self.get().await?.metadata.generation.unwrap_or_default();
        wait_for("the platform is Ready", limit, async || {
            let conditions = self.conditions().await?;
            let ready = conditions.get("Ready").context("no condition Ready yet")?;
            ensure!(
                ready.status == "True" && ready.generation >= generation,
                "Ready={} {}: {}",
                ready.status,
                ready.reason,
                ready.message
            );
            Ok(())
        })
        .await
        .map_err(|error| error.context(self.cluster.describe(&self.namespace)))
    }

    /// Waits until a condition is `False` with a message that `names` this word: the remedy.
    ///
    /// # Errors
    /// At the deadline, with the conditions as they are.
    pub async fn told(&self, condition: &str, names: &str, limit: Duration) -> Result<Condition> {
        wait_for(&format!("{condition} names {names}"), limit, async || {
            let conditions = self.conditions().await?;
            let found = conditions
                .get(condition)
                .with_context(|| format!("no {condition} yet"))?;
            if found.status == "False" && found.message.contains(names) {
                return Ok(found.clone());
            }
            bail!("{conditions:?}")
        })
        .await
    }

    /// Asks for it to be deleted, and waits until it is gone.
    ///
    /// # Errors
    /// At the deadline, with everything a person would look at.
    pub async fn delete(&self, limit: Duration) -> Result<()> {
        self.api()
            .delete(&self.name, &DeleteParams::default())
            .await?;
        self.gone(limit).await
    }

    /// Waits until it is gone.
    ///
    /// # Errors
    /// At the deadline, with everything a person would look at.
    pub async fn gone(&self, limit: Duration) -> Result<()> {
        wait_for("the platform is gone", limit, async || {
            let left = self.api().get_opt(&self.name).await?;
            ensure!(
                left.is_none(),
                "it is still there: {:?}",
                left.map(|object| object.metadata.finalizers)
            );
            Ok(())
        })
        .await
        .map_err(|error| error.context(self.cluster.describe(&self.namespace)))
    }

    /// The labels of everything that belongs to it.
    #[must_use]
    pub fn labels(&self) -> String {
        format!(
            "app.kubernetes.io/part-of=crewdeck,app.kubernetes.io/instance={}",
            self.name
        )
    }
}

/// An administrator's login in the keys of the Service Binding convention, with the name that pods use.
fn service_binding(backend: &Backend, kind: &str) -> Result<BTreeMap<String, String>> {
    let short = if kind == "postgres" { "pg" } else { kind };
    let host = format!("{short}.backends.svc");
    let mut data = BTreeMap::from([
        ("host", host.clone()),
        ("port", backend.port.to_string()),
        ("username", backend.admin.clone()),
        ("password", backend.password.clone()),
        ("ca.crt", backend.ca_pem()?),
    ]);
    if let Some(port) = backend.replica_port {
        data.insert("database", "postgres".to_owned());
        data.insert("sslmode", "verify-full".to_owned());
        data.insert("replica-host", host);
        data.insert("replica-port", port.to_string());
    }
    Ok(owned(data))
}

/// The same for Kafka, which has other keys.
fn kafka_binding(backend: &Backend) -> Result<BTreeMap<String, String>> {
    Ok(owned(BTreeMap::from([
        (
            "bootstrap-servers",
            format!("kafka.backends.svc:{}", backend.port),
        ),
        ("security-protocol", "SASL_SSL".to_owned()),
        ("sasl-mechanism", "SCRAM-SHA-512".to_owned()),
        ("username", backend.admin.clone()),
        ("password", backend.password.clone()),
        ("ca.crt", backend.ca_pem()?),
    ])))
}

fn owned(data: BTreeMap<&str, String>) -> BTreeMap<String, String> {
    data.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// A word of an entry; empty when it is not there.
fn word(entry: &Value, key: &str) -> String {
    entry[key].as_str().unwrap_or_default().to_owned()
}
