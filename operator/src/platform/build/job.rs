//! The Jobs of an upgrade: the image tells what it would do to both databases, and does it.

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
    metadata::{labels, metadata, selector},
    validate::ValidatedPlatform,
};

/// Label with the upgrade that a Job is of.
pub const UPGRADE_LABEL: &str = "crewdeck.io/upgrade";
/// Label with the step that a Job does.
pub const STEP_LABEL: &str = "crewdeck.io/step";

/// What a Job does. Those that migrate in parts apply nothing that is not in the plan: `<name>:<checksum>,…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MigrationStep {
    /// Applies everything: no version ran here before.
    Whole,
    /// Tells the plan.
    Plan,
    /// Applies what the former version works with too.
    Expand(String),
    /// Applies the rest.
    Contract(String),
}

impl MigrationStep {
    /// Value of the label, and part of the Job's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Whole => "migrate",
            Self::Plan => "plan",
            Self::Expand(_) => "expand",
            Self::Contract(_) => "contract",
        }
    }

    /// The step in words, on the way to `version`.
    #[must_use]
    pub fn what(&self, version: &str) -> String {
        match self {
            Self::Plan => format!("the plan of the upgrade to {version}"),
            Self::Whole | Self::Expand(_) => format!("the migration to {version}"),
            Self::Contract(_) => format!("the rest of the migration to {version}"),
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Whole => vec!["migrate".into(), "apply".into()],
            Self::Plan => vec!["migrate".into(), "plan".into(), "--json".into()],
            Self::Expand(planned) | Self::Contract(planned) => vec![
                "migrate".into(),
                "apply".into(),
                format!("--phase={}", self.name()),
                format!("--planned={planned}"),
            ],
        }
    }
}

/// The Job named `name` for a step of the upgrade `id`. A failed one is not repeated by Kubernetes: whether another try
/// helps is told by how it failed.
#[must_use]
pub fn migration_job(p: &ValidatedPlatform, name: &str, id: &str, step: &MigrationStep) -> Job {
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
    let mut main = container::container(p, "migrate", &files);
    main.args = Some(step.arguments());
    let mut pod = container::pod(p, format!("{}-migrate", p.name), main, &files);
    pod.restart_policy = Some("Never".to_owned());
    let mut job_labels = migration_labels(p);
    for (label, value) in [(UPGRADE_LABEL, id), (STEP_LABEL, step.name())] {
        job_labels.insert(label.to_owned(), value.to_owned());
    }
    let mut metadata = metadata(p, name.to_owned(), None);
    metadata.labels = Some(job_labels.clone());
    Job {
        metadata,
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: Some(p.migration.deadline_seconds),
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
