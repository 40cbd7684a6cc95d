//! Writes the status, when it differs from what is there.

use chrono::{DateTime, Utc};
use crds::{Platform, PlatformStatus};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
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
    let (name, namespace) = (
        platform.name_any(),
        platform.namespace().unwrap_or_default(),
    );
    let api: Api<Platform> = Api::namespaced(cx.client.clone(), &namespace);
    // A merge patch replaces lists as a whole and needs no field to be named twice; null takes out what is over.
    let body = json!({
        "status": {
            "observedGeneration": status.observed_generation,
            "version": status.version,
            "waitingOn": status.waiting_on,
            "conditions": status.conditions,
            "roles": status.roles,
            "signingKeys": status.signing_keys,
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
    Ok((status, true))
}
