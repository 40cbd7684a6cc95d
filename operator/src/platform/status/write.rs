//! Writes the status, when it differs from what is there.

use chrono::{DateTime, Utc};
use crds::{Platform, PlatformStatus};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use super::{conditions::after, report::Report};
use crate::platform::{Context, StepError, apply::kube::FIELD_MANAGER};

/// Writes what a pass found; `next` is when the operator looks again. Returns the status as it is now, and whether
/// it was sent.
///
/// # Errors
/// What the API server says.
pub async fn write(
    cx: &Context,
    platform: &Platform,
    report: Report,
    next: Option<DateTime<Utc>>,
) -> Result<(PlatformStatus, bool), StepError> {
    let before = platform.status.clone().unwrap_or_default();
    let status = after(
        &before,
        report,
        platform.metadata.generation.unwrap_or_default(),
        next,
        cx.clock.now(),
    );
    if status == before {
        return Ok((status, false));
    }
    send(cx, &platform.metadata, &status).await?;
    Ok((status, true))
}

/// Writes what a pass found over a status that cannot be read.
///
/// # Errors
/// What the API server says.
pub async fn replace(cx: &Context, metadata: &ObjectMeta, report: Report) -> Result<(), StepError> {
    let generation = metadata.generation.unwrap_or_default();
    let status = after(
        &PlatformStatus::default(),
        report,
        generation,
        None,
        cx.clock.now(),
    );
    send(cx, metadata, &status).await
}

async fn send(
    cx: &Context,
    metadata: &ObjectMeta,
    status: &PlatformStatus,
) -> Result<(), StepError> {
    let name = metadata.name.clone().unwrap_or_default();
    let namespace = metadata.namespace.clone().unwrap_or_default();
    // The answer is not read as a Platform: it may be one that cannot be.
    let kind = ApiResource::erase::<Platform>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(cx.client.clone(), &namespace, &kind);
    // A merge patch replaces lists as a whole and needs no field to be named twice; null takes out what is over.
    let body = json!({
        "status": {
            "observedGeneration": status.observed_generation,
            "version": status.version,
            "waitingOn": status.waiting_on,
            "conditions": status.conditions,
            "roles": status.roles,
            "signingKeys": status.signing_keys,
            "nextRotationTime": status.next_rotation_time,
            "credentials": status.credentials,
            "topics": status.topics,
            "migration": status.migration,
        }
    });
    api.patch_status(
        &name,
        &PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        },
        &Patch::Merge(&body),
    )
    .await
    .map_err(|error| {
        StepError::of_kube(&format!("status of Platform {namespace}/{name}"), &error)
    })?;
    Ok(())
}
