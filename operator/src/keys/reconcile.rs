//! One pass over the signing keys of a Platform, and their part of its status. It needs the resource, the ring and the pods,
//! and nothing else: no server and no Secret of the user keeps a revocation waiting.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use crds::Platform;
use kube::ResourceExt as _;

use super::{Heard, KeysApplied, Wish, ensure_keys};
use crate::{
    backoff::{RESYNC, pause},
    metrics,
    platform::{
        Context, States, StepError,
        status::{KeysReport, publish, write_keys},
        validate::Identity,
    },
};

/// Between two passes at least, however near a date is.
const SOONEST: Duration = Duration::from_secs(1);

/// What is remembered of the keys of one Platform between two passes. Nothing is decided by it that a new process would
/// not decide again after a few looks.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    heard: Heard,
    /// Passes in a row that failed.
    failures: u32,
}

/// Moves the keys of a Platform on and tells how they stand. Returns when to look again; `None` when only a change of the
/// resource is of interest.
///
/// # Errors
/// Only when the status could not be written; everything else is told in it.
#[tracing::instrument(skip_all, fields(namespace = platform.namespace(), name = platform.name_any()))]
pub(crate) async fn reconcile_keys(
    platform: &Platform,
    cx: &Context,
    memory: &mut Memory,
) -> Result<Option<Duration>, StepError> {
    // What is deleted needs no key any more, and Kubernetes takes its ring with it.
    if platform.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    let began = Instant::now();
    let spec = &platform.spec;
    // A stolen key does not wait until a pause is over.
    let (report, next) = if spec.suspend && spec.signing.revoke.is_empty() {
        (KeysReport::Suspended(None), None)
    } else {
        match keys(platform, cx, &mut memory.heard).await {
            Ok(keys) => {
                memory.failures = 0;
                let until = |at: DateTime<Utc>| (at - cx.server_now()).to_std().unwrap_or_default();
                let look = keys.look.map_or(RESYNC, until);
                let report = if spec.suspend {
                    KeysReport::Suspended(Some(keys))
                } else {
                    KeysReport::Applied(keys)
                };
                (report, Some(look.clamp(SOONEST, RESYNC)))
            }
            Err(error) => {
                memory.failures = memory.failures.saturating_add(1);
                tracing::info!(reason = %error.reason, message = error.message, "the keys wait");
                let next = pause(error.class, memory.failures, cx.ids.as_ref());
                (KeysReport::Failed(error), Some(next))
            }
        }
    };
    let told = write_keys(cx, platform, &report).await;
    if let Ok(Some(written)) = &told {
        publish(cx, platform, &written.before, &written.after).await;
    }
    let (of, took) = (metrics::Controller::Keys, began.elapsed());
    metrics::reconciled(of, &told, report.error(), took);
    told.map(|_| next)
}

async fn keys(
    platform: &Platform,
    cx: &Context,
    heard: &mut Heard,
) -> Result<KeysApplied, StepError> {
    let identity = Identity::of(platform)?;
    let states = States::new(cx, identity.clone());
    let wish = Wish {
        paused: platform.spec.suspend,
        ..Wish::from(&platform.spec.signing)
    };
    let keys = ensure_keys(cx, &identity, &wish, &states, heard).await?;
    metrics::keys(&cx.gauges, &identity, &keys);
    Ok(keys)
}

#[cfg(test)]
mod tests;
