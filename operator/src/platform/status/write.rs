//! Writes the status, when it differs from what is there. Two controllers have a part in it, so that each change is made
//! over exactly the version that it was computed from.

use chrono::{DateTime, Utc};
use crds::{Platform, PlatformStatus, Reason};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams},
};
use serde_json::json;

use super::{
    conditions,
    keys::{self, KeysReport},
    report::Report,
};
use crate::platform::{Context, StepError, metadata::FIELD_MANAGER};

/// The other controller may write at the same moment; more than once in a row is rare.
const ATTEMPTS: usize = 5;

/// The status before and after a write.
#[derive(Debug)]
pub struct Written {
    /// As it was found.
    pub before: PlatformStatus,
    /// As it is now.
    pub after: PlatformStatus,
}

/// Writes what a pass found; `next` is when the operator looks again. `None` when nothing had to be written.
///
/// # Errors
/// What the API server says.
pub async fn write(
    cx: &Context,
    platform: &Platform,
    report: &Report,
    next: Option<DateTime<Utc>>,
) -> Result<Option<Written>, StepError> {
    let (generation, now) = (
        platform.metadata.generation.unwrap_or_default(),
        cx.clock.now(),
    );
    change(cx, platform, |before| {
        linked(
            cx,
            conditions::after(before, report.clone(), generation, next, now),
        )
    })
    .await
}

/// Writes what a pass over the keys found. `None` when nothing had to be written.
///
/// # Errors
/// What the API server says.
pub async fn write_keys(
    cx: &Context,
    platform: &Platform,
    report: &KeysReport,
) -> Result<Option<Written>, StepError> {
    let (generation, now) = (
        platform.metadata.generation.unwrap_or_default(),
        cx.clock.now(),
    );
    change(cx, platform, |before| {
        keys::after(before, report, generation, now)
    })
    .await
}

/// Changes the status by compare-and-swap. An idle pass ends with what was read with the Platform; else the status is read
/// again, and the change made over that.
async fn change(
    cx: &Context,
    platform: &Platform,
    next: impl Fn(&PlatformStatus) -> PlatformStatus,
) -> Result<Option<Written>, StepError> {
    let known = platform.status.clone().unwrap_or_default();
    if next(&known) == known {
        return Ok(None);
    }
    let what = what(&platform.metadata);
    let api = api(cx, &platform.metadata);
    let name = platform.metadata.name.clone().unwrap_or_default();
    for _ in 0..ATTEMPTS {
        let found = api.get_opt(&name).await;
        let found = found.map_err(|error| StepError::of_kube(&what, &error))?;
        // Deleted, or deleted and made again: there is nobody to be told.
        let Some(found) = found.filter(|found| found.metadata.uid == platform.metadata.uid) else {
            return Ok(None);
        };
        // One that cannot be read is told anew.
        let before: PlatformStatus =
            serde_json::from_value(found.data["status"].clone()).unwrap_or_default();
        let after = next(&before);
        if after == before {
            return Ok(None);
        }
        match send(&api, &found.metadata, &after).await {
            Ok(()) => return Ok(Some(Written { before, after })),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(StepError::of_kube(&what, &error)),
        }
    }
    Err(StepError::transient(
        Reason::ApiUnavailable,
        format!("{what} is written by somebody else all the time"),
    ))
}

/// Writes what a pass found over a status that cannot be read.
///
/// # Errors
/// What the API server says.
pub async fn replace(cx: &Context, metadata: &ObjectMeta, report: Report) -> Result<(), StepError> {
    let generation = metadata.generation.unwrap_or_default();
    let before = PlatformStatus::default();
    let status = conditions::after(&before, report, generation, None, cx.clock.now());
    let status = linked(cx, status);
    let mut unversioned = metadata.clone();
    unversioned.resource_version = None;
    send(&api(cx, metadata), &unversioned, &status)
        .await
        .map_err(|error| StepError::of_kube(&what(metadata), &error))
}

/// The status with a link from what it waits for to the page about that.
fn linked(cx: &Context, mut status: PlatformStatus) -> PlatformStatus {
    if let Some(waiting) = &mut status.waiting_on {
        waiting.documentation = Some(page(cx, &waiting.reason));
    }
    status
}

/// Where a reason is explained.
pub(super) fn page(cx: &Context, reason: &str) -> String {
    format!("{}/reasons/{reason}.md", cx.config.documentation)
}

fn what(metadata: &ObjectMeta) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!(
        "status of Platform {}/{}",
        text(&metadata.namespace),
        text(&metadata.name)
    )
}

/// Answers are not read as Platforms: it may be one that cannot be.
fn api(cx: &Context, metadata: &ObjectMeta) -> Api<DynamicObject> {
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let kind = ApiResource::erase::<Platform>(&());
    Api::namespaced_with(cx.client.clone(), &namespace, &kind)
}

async fn send(
    api: &Api<DynamicObject>,
    metadata: &ObjectMeta,
    status: &PlatformStatus,
) -> Result<(), kube::Error> {
    // A merge patch replaces lists as a whole and needs no field to be named twice; null takes out what is over.
    let mut body = json!({
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
            "plan": status.plan,
            "migration": status.migration,
        }
    });
    if let Some(version) = &metadata.resource_version {
        body["metadata"] = json!({"resourceVersion": version});
    }
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let name = metadata.name.clone().unwrap_or_default();
    api.patch_status(&name, &parameters, &Patch::Merge(&body))
        .await
        .map(drop)
}
