//! The Job that migrates both databases.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{Job, JobSpec},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    Client, container,
    container::{Files, From},
};
use crate::platform::{
    apply::kube::{labels, metadata, selector},
    validate::ValidatedPlatform,
};

/// The migration Job named `name`. A failed one is not repeated by Kubernetes: the same statement would fail
/// again, and the gate tells which.
#[must_use]
pub fn migration_job(p: &ValidatedPlatform, name: &str) -> Job {
    let mut files = vec![
        Files::config(format!("{}-migrate-config", p.name)),
        // There with the first migration, not with later ones.
        Files::of(p, "admin", From::SecretIfThere),
    ];
    files.extend(
        Client::MIGRATION
            .iter()
            .map(|client| Files::credentials(p, *client)),
    );
    let main = container::container(p, "migrate", &files);
    let mut pod = container::pod(p, format!("{}-migrate", p.name), main, &files);
    pod.restart_policy = Some("Never".to_owned());
    let job_labels = migration_labels(p);
    let mut metadata = metadata(p, name.to_owned(), None);
    metadata.labels = Some(job_labels.clone());
    Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: i64::try_from(p.migration_deadline.as_secs()).ok(),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(job_labels),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// The labels of the migration's Jobs and pods.
pub(super) fn migration_labels(p: &ValidatedPlatform) -> BTreeMap<String, String> {
    let mut all = labels(p, None);
    all.extend(migration_selector(p));
    all
}

/// Those of them that never change and therefore select.
pub(super) fn migration_selector(p: &ValidatedPlatform) -> BTreeMap<String, String> {
    let mut labels = selector(&p.name, None);
    labels.insert(
        "app.kubernetes.io/component".to_owned(),
        "migrate".to_owned(),
    );
    labels
}
