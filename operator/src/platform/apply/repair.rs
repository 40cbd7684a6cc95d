//! What server-side apply alone cannot put right.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{
    Api, Resource, ResourceExt as _,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::compare::mended;
use crate::platform::{Object, StepError, metadata::FIELD_MANAGER};

/// How the operator sends what is not applied.
fn as_ourselves() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

/// Puts right what server-side apply cannot: an item of a list to which somebody gave another key, such as a Service's port,
/// is an item of theirs for it, beside which ours is put, or refused as its duplicate. So the fields in which that is so are
/// written as they should be, with all that others have in them. `false` if nothing was done; the next pass looks again.
pub(super) async fn repair<K>(api: &Api<K>, what: &str, wanted: &K, body: &Value) -> bool
where
    K: Object,
{
    let (name, namespace) = (wanted.name_any(), wanted.namespace().unwrap_or_default());
    // As JSON, for there may be fields in it that we do not know.
    let kind = ApiResource::erase::<K>(&());
    let client = api.clone().into_client();
    let raw: Api<DynamicObject> = Api::namespaced_with(client, &namespace, &kind);
    let written = async {
        let left = raw.get(&name).await?;
        let mut mended = mended(&left.data, body);
        let Some(fields) = mended.as_object_mut() else {
            return Ok(false);
        };
        // Labels and owners are maps and sets, which are applied.
        fields.retain(|field, value| {
            field != "metadata" && body.get(field).is_some() && left.data.get(field) != Some(value)
        });
        if fields.is_empty() {
            return Ok(false);
        }
        mended["metadata"] = json!({"resourceVersion": left.resource_version()});
        let patch = Patch::Merge(&mended);
        raw.patch(&name, &as_ourselves(), &patch)
            .await
            .map(|_| true)
    };
    written.await.unwrap_or_else(|error: kube::Error| {
        tracing::warn!(object = %what, %error, "what others put into a list of ours stays");
        false
    })
}

/// Whether we hold fields because we have written them. They would stay when they are wanted no longer: only what is applied
/// is given up by being left out.
pub(super) fn is_written(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(FIELD_MANAGER)
        && entry.operation.as_deref() == Some("Update")
        && entry.subresource.is_none()
}

/// After a repair: what was written is applied by now, and held by that alone.
pub(super) async fn hold_by_applying_alone<K>(
    api: &Api<K>,
    what: &str,
    now: K,
) -> Result<K, StepError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let fields = now.meta().managed_fields.as_deref().unwrap_or_default();
    if !fields.iter().any(is_written) {
        return Ok(now);
    }
    let applied: Vec<_> = fields.iter().filter(|entry| !is_written(entry)).collect();
    let metadata = json!({"resourceVersion": now.resource_version(), "managedFields": applied});
    let patch = Patch::Merge(json!({"metadata": metadata}));
    match api.patch(&now.name_any(), &as_ourselves(), &patch).await {
        Ok(now) => Ok(now),
        // Somebody has written meanwhile: the next pass comes here again.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(now),
        Err(error) => Err(StepError::of_kube(what, &error)),
    }
}
