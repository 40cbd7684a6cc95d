//! Objects of Kubernetes: compared first, sent only when something differs.

use std::{collections::BTreeMap, fmt::Debug};

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Resource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::compare::{holds, owns_no_more};
use crate::platform::{
    Context, StepError,
    validate::{Role, ValidatedPlatform},
};

/// Field manager of everything the operator sends.
pub const FIELD_MANAGER: &str = "crewdeck-operator";

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stood as wanted; nothing was sent.
    Unchanged,
    /// It was not there.
    Created,
    /// It differed.
    Changed,
}

/// Makes `wanted` true by server-side apply, after a live read: nothing is sent when what is there has every
/// wanted value already. Returns what became of it and the object as it is now.
///
/// # Errors
/// What the API server says, with the object's kind and name.
pub async fn ensure<K>(cx: &Context, wanted: &K) -> Result<(Outcome, K), StepError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Serialize
        + DeserializeOwned
        + Clone
        + Debug,
{
    let name = wanted.name_any();
    let namespace = wanted.namespace().unwrap_or_default();
    let what = format!("{} {namespace}/{name}", K::kind(&()));
    let api: Api<K> = Api::namespaced(cx.client.clone(), &namespace);
    let found = api
        .get_opt(&name)
        .await
        .map_err(|error| StepError::of_kube(&what, &error))?;
    let mut body = serde_json::to_value(wanted).map_err(|error| {
        StepError::terminal(crds::Reason::ApplyRefused, format!("{what}: {error}"))
    })?;
    let outcome = match found {
        None => Outcome::Created,
        Some(found) => {
            let there = serde_json::to_value(&found).map_err(|error| {
                StepError::terminal(crds::Reason::ApplyRefused, format!("{what}: {error}"))
            })?;
            if holds(&there, &body) && owns_no_more(found.meta(), &body, FIELD_MANAGER) {
                return Ok((Outcome::Unchanged, found));
            }
            Outcome::Changed
        }
    };
    body["apiVersion"] = Value::String(K::api_version(&()).into_owned());
    body["kind"] = Value::String(K::kind(&()).into_owned());
    let now = api
        .patch(
            &name,
            &PatchParams::apply(FIELD_MANAGER).force(),
            &Patch::Apply(&body),
        )
        .await
        .map_err(|error| StepError::of_kube(&what, &error))?;
    tracing::info!(object = %what, outcome = ?outcome, "applied");
    Ok((outcome, now))
}

/// The owner reference that ties an object to its Platform.
#[must_use]
pub fn owner_reference(platform: &ValidatedPlatform) -> OwnerReference {
    OwnerReference {
        api_version: crds::Platform::api_version(&()).into_owned(),
        kind: crds::Platform::kind(&()).into_owned(),
        name: platform.name.clone(),
        uid: platform.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The recommended labels; `role` is absent for what belongs to the whole Platform.
#[must_use]
pub fn labels(platform: &ValidatedPlatform, role: Option<Role>) -> BTreeMap<String, String> {
    let mut labels = selector(&platform.name, role);
    labels.insert("app.kubernetes.io/name".to_owned(), "crewdeck".to_owned());
    labels.insert(
        "app.kubernetes.io/managed-by".to_owned(),
        FIELD_MANAGER.to_owned(),
    );
    labels.insert(
        "app.kubernetes.io/version".to_owned(),
        platform.image.version.clone(),
    );
    labels
}

/// The labels that never change and therefore select.
#[must_use]
pub fn selector(platform: &str, role: Option<Role>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (
            "app.kubernetes.io/part-of".to_owned(),
            "crewdeck".to_owned(),
        ),
        ("app.kubernetes.io/instance".to_owned(), platform.to_owned()),
    ]);
    if let Some(role) = role {
        labels.insert(
            "app.kubernetes.io/component".to_owned(),
            role.as_str().to_owned(),
        );
    }
    labels
}

/// Metadata of an object named `name` of the Platform.
#[must_use]
pub fn metadata(
    platform: &ValidatedPlatform,
    name: String,
    role: Option<Role>,
) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        name: Some(name),
        namespace: Some(platform.namespace.clone()),
        labels: Some(labels(platform, role)),
        owner_references: Some(vec![owner_reference(platform)]),
        ..Default::default()
    }
}
