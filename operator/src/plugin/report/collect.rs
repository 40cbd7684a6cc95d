//! Reads what goes into a report. What cannot be read is noted and left out: a report with gaps is better than none.

use crds::{GENERATION_ANNOTATION, Platform};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, ReplicaSet},
        autoscaling::v2::HorizontalPodAutoscaler,
        batch::v1::Job,
        core::v1::{ConfigMap, Event, Pod, Secret, Service},
        networking::v1::{Ingress, NetworkPolicy},
        policy::v1::PodDisruptionBudget,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, ResourceExt as _,
    api::{ListParams, LogParams},
};
use serde_json::json;

use super::archive::Archive;
use crate::{
    platform::{
        Object,
        metadata::{selector, with_labels},
    },
    plugin::{Error, error::words, find::RESOURCE, grant, session::Session},
};

/// Lines of each log.
const LINES: i64 = 500;

/// A report that is being made.
pub(super) struct Collect<'a> {
    session: &'a Session,
    platform: &'a Platform,
    archive: Archive,
    not_readable: Vec<String>,
}

impl<'a> Collect<'a> {
    /// Nothing is read yet.
    pub(super) fn new(session: &'a Session, platform: &'a Platform, archive: Archive) -> Self {
        Self {
            session,
            platform,
            archive,
            not_readable: Vec::new(),
        }
    }

    /// The archive, and what could not be read.
    pub(super) fn finish(self) -> (Archive, Vec<String>) {
        (self.archive, self.not_readable)
    }

    /// Everything.
    pub(super) async fn all(&mut self, operator_namespace: &str) -> Result<(), Error> {
        let (session, platform) = (self.session, self.platform);
        let namespace = session.namespace.as_str();
        let name = platform.name_any();
        self.archive
            .objects("platform.yaml", std::slice::from_ref(platform))?;
        self.events().await?;
        let ours = with_labels(&selector(&name, None));
        self.list::<Deployment>(namespace, &ours, "deployments.yaml")
            .await?;
        self.list::<ReplicaSet>(namespace, &ours, "replicasets.yaml")
            .await?;
        self.list::<Job>(namespace, &ours, "jobs.yaml").await?;
        self.list::<HorizontalPodAutoscaler>(namespace, &ours, "autoscalers.yaml")
            .await?;
        self.list::<PodDisruptionBudget>(namespace, &ours, "budgets.yaml")
            .await?;
        self.list::<Service>(namespace, &ours, "services.yaml")
            .await?;
        self.list::<Ingress>(namespace, &ours, "ingresses.yaml")
            .await?;
        self.list::<NetworkPolicy>(namespace, &ours, "networkpolicies.yaml")
            .await?;
        let pods = self.list::<Pod>(namespace, &ours, "pods.yaml").await?;
        self.ledger(&name).await?;
        self.secrets().await?;
        self.logs(namespace, &pods, "logs").await?;
        let operator = ListParams::default()
            .labels("app.kubernetes.io/part-of=crewdeck,app.kubernetes.io/component=operator");
        let pods = self
            .list::<Pod>(operator_namespace, &operator, "operator/pods.yaml")
            .await?;
        self.logs(operator_namespace, &pods, "operator").await?;
        self.versions().await
    }

    /// Notes that something could not be read.
    fn missing(&mut self, what: &str, error: &kube::Error) {
        self.not_readable.push(format!("{what}: {}", words(error)));
    }

    /// Objects of one kind, into an entry.
    async fn list<K>(
        &mut self,
        namespace: &str,
        which: &ListParams,
        entry: &str,
    ) -> Result<Vec<K>, Error>
    where
        K: Object,
    {
        let api: Api<K> = Api::namespaced(self.session.client.clone(), namespace);
        match api.list(which).await {
            Ok(list) => {
                self.archive.objects(entry, &list.items)?;
                Ok(list.items)
            }
            Err(error) => {
                let what = format!("{} of namespace {namespace}", K::plural(&()));
                self.missing(&what, &error);
                Ok(Vec::new())
            }
        }
    }

    /// Events of the Platform and of its pods, Jobs and Deployments: by name, since an Event has no labels.
    async fn events(&mut self) -> Result<(), Error> {
        let namespace = self.session.namespace.clone();
        let name = self.platform.name_any();
        let api: Api<Event> = Api::namespaced(self.session.client.clone(), &namespace);
        match api.list(&ListParams::default()).await {
            Ok(list) => {
                let prefix = format!("{name}-");
                let mut events = list.items;
                events.retain(|event| {
                    let about = event.involved_object.name.as_deref().unwrap_or_default();
                    about == name || about.starts_with(&prefix)
                });
                events.sort_by_key(|event| event.creation_timestamp().map(|time| time.0));
                self.archive.objects("events.yaml", &events)?;
            }
            Err(error) => self.missing(&format!("events of namespace {namespace}"), &error),
        }
        Ok(())
    }

    /// The ledger, and what the operator remembers of an upgrade.
    async fn ledger(&mut self, name: &str) -> Result<(), Error> {
        self.config_map(&format!("{name}-external"), "ledger.yaml")
            .await?;
        self.config_map(&format!("{name}-release"), "release.yaml")
            .await
    }

    async fn config_map(&mut self, name: &str, file: &str) -> Result<(), Error> {
        let namespace = self.session.namespace.clone();
        let api: Api<ConfigMap> = Api::namespaced(self.session.client.clone(), &namespace);
        match api.get_opt(name).await {
            Ok(found) => self
                .archive
                .objects(file, found.as_slice())
                .map_err(Error::from),
            Err(error) => {
                self.missing(&format!("ConfigMap {namespace}/{name}"), &error);
                Ok(())
            }
        }
    }

    /// Names and dates of the Secrets. Only metadata is asked for, and of that only these two are kept: an annotation may
    /// hold a copy of the content.
    async fn secrets(&mut self) -> Result<(), Error> {
        let namespace = self.session.namespace.clone();
        let api: Api<Secret> = Api::namespaced(self.session.client.clone(), &namespace);
        let mut lines = Vec::new();
        for secret in grant::secrets(self.platform, &namespace)? {
            match api.get_metadata_opt(&secret).await {
                Ok(found) => lines.push(json!({
                    "name": secret,
                    "exists": found.is_some(),
                    "created": found.and_then(|found| found.metadata.creation_timestamp),
                })),
                Err(error) => {
                    self.missing(&format!("metadata of Secret {namespace}/{secret}"), &error);
                }
            }
        }
        Ok(self.archive.yaml("secrets.yaml", &json!(lines))?)
    }

    /// The logs of all containers of these pods, into a folder.
    async fn logs(&mut self, namespace: &str, pods: &[Pod], folder: &str) -> Result<(), Error> {
        let api: Api<Pod> = Api::namespaced(self.session.client.clone(), namespace);
        for pod in pods {
            let name = pod.name_any();
            let status = pod.status.as_ref();
            let containers = status.and_then(|status| status.container_statuses.as_deref());
            for container in containers.unwrap_or_default() {
                let mut parameters = LogParams {
                    container: Some(container.name.clone()),
                    tail_lines: Some(LINES),
                    timestamps: true,
                    ..LogParams::default()
                };
                let entry = format!("{folder}/{name}.{}", container.name);
                self.log(&api, &name, &parameters, &format!("{entry}.log"))
                    .await?;
                if container.restart_count > 0 {
                    parameters.previous = true;
                    self.log(&api, &name, &parameters, &format!("{entry}.previous.log"))
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn log(
        &mut self,
        api: &Api<Pod>,
        pod: &str,
        parameters: &LogParams,
        entry: &str,
    ) -> Result<(), Error> {
        match api.logs(pod, parameters).await {
            Ok(log) => self.archive.text(entry, &log)?,
            Err(error) => self.missing(entry, &error),
        }
        Ok(())
    }

    async fn versions(&mut self) -> Result<(), Error> {
        let client = &self.session.client;
        let cluster = client.apiserver_version().await;
        let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
        let definition = definitions.get_metadata_opt(RESOURCE).await;
        let cluster = match cluster {
            Ok(info) => Some(info.git_version),
            Err(error) => {
                self.missing("version of the cluster", &error);
                None
            }
        };
        let generation = match definition {
            Ok(found) => {
                found.and_then(|found| found.annotations().get(GENERATION_ANNOTATION).cloned())
            }
            Err(error) => {
                self.missing(&format!("definition {RESOURCE}"), &error);
                None
            }
        };
        let versions = json!({
            "plugin": env!("CARGO_PKG_VERSION"),
            "cluster": cluster,
            "schemaGeneration": generation,
        });
        Ok(self.archive.yaml("versions.yaml", &versions)?)
    }
}
