//! What marks an object as made by this operator for a Platform: field manager, labels, owner.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource as _, api::ListParams};

use super::validate::{Identity, Role, ValidatedPlatform};

/// Field manager of everything the operator sends, and what its objects are labelled as managed by.
pub const FIELD_MANAGER: &str = "crewdeck-operator";

/// The owner reference that ties an object to its Platform.
#[must_use]
pub fn owner_reference(platform: &Identity) -> OwnerReference {
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
    labels_of(&platform.identity(), role)
}

fn labels_of(platform: &Identity, role: Option<Role>) -> BTreeMap<String, String> {
    let mut labels = selector(&platform.name, role);
    labels.insert("app.kubernetes.io/name".to_owned(), "crewdeck".to_owned());
    labels.insert(
        "app.kubernetes.io/managed-by".to_owned(),
        FIELD_MANAGER.to_owned(),
    );
    labels.insert(
        "app.kubernetes.io/version".to_owned(),
        platform.version.clone(),
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
pub fn metadata(platform: &ValidatedPlatform, name: String, role: Option<Role>) -> ObjectMeta {
    metadata_of(&platform.identity(), name, role)
}

/// The same for who knows nothing but which Platform it is.
#[must_use]
pub fn metadata_of(platform: &Identity, name: String, role: Option<Role>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(platform.namespace.clone()),
        labels: Some(labels_of(platform, role)),
        owner_references: Some(vec![owner_reference(platform)]),
        ..Default::default()
    }
}

/// Lists what has these labels.
#[must_use]
pub fn with_labels(labels: &BTreeMap<String, String>) -> ListParams {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    ListParams::default().labels(&pairs.join(","))
}
