//! The keys' own controller: over the same Platforms, with its own queue, its own slots and its own pauses, so that nothing
//! that keeps the rest of a Platform waiting keeps its keys waiting.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use kube::runtime::{
    controller::{self, Action, ReconcileReason, ReconcileRequest, applier},
    reflector::{ObjectRef, Store},
    watcher,
};

use super::{Guarded, failures::Failures, tell, woken::when_woken};
use crate::{
    backoff::pause_untold,
    keys::{Maker, Memory, reconcile_keys},
    platform::{Context, StepError},
};

/// Platforms whose keys are worked on side by side. A pass is short: it waits for the API server, and at times for pods.
const CONCURRENCY: u16 = 16;

/// The objects of the keys, by the ends of their names.
const OBJECTS: [&str; 3] = ["-keyring", "-jwks", "-signing"];

/// Whether a request is about the keys, too: the resource itself changed, or one of their objects.
pub(super) fn concerns(request: &ReconcileRequest<Guarded>) -> bool {
    match &request.reason {
        ReconcileReason::RelatedObjectUpdated { obj_ref } => {
            OBJECTS.iter().any(|end| obj_ref.name.ends_with(end))
        }
        // Of a server alone.
        ReconcileReason::Custom { .. } => false,
        _ => true,
    }
}

struct Keys {
    cx: Context,
    failures: Failures,
    memories: Mutex<HashMap<ObjectRef<Guarded>, Memory>>,
}

/// Works on the keys until the queue ends.
pub(super) async fn run(
    cx: Context,
    platforms: Store<Guarded>,
    queue: impl Stream<Item = ReconcileRequest<Guarded>>,
) {
    let keys = Keys {
        cx,
        failures: Failures::default(),
        memories: Mutex::default(),
    };
    applier(
        |platform, keys: Arc<Keys>| when_woken(step(platform, keys)).boxed(),
        |platform, _, keys| {
            let failures = keys.failures.count(&platform);
            Action::requeue(pause_untold(failures, keys.cx.ids.as_ref()))
        },
        Arc::new(keys),
        platforms,
        queue.map(Ok::<_, watcher::Error>),
        controller::Config::default().concurrency(CONCURRENCY),
    )
    .for_each(|outcome| {
        tell(outcome);
        std::future::ready(())
    })
    .await;
}

/// Those whose turn it is to have keys made, without an end.
pub(super) fn called(maker: Maker) -> impl Stream<Item = ReconcileRequest<Guarded>> {
    stream::unfold(maker, |maker| async move {
        let reason = "it is its turn to have keys made".into();
        let request = ReconcileRequest {
            obj_ref: maker.called().await,
            reason: ReconcileReason::Custom { reason },
        };
        Some((request, maker))
    })
}

async fn step(platform: Arc<Guarded>, keys: Arc<Keys>) -> Result<Action, StepError> {
    // One that cannot be read is told by the other controller.
    let Ok(readable) = &platform.0 else {
        return Ok(Action::await_change());
    };
    let this = ObjectRef::from_obj(platform.as_ref());
    // Each Platform is worked on only once at a time: nobody else takes this one meanwhile.
    let memory = keys.memories().remove(&this);
    let mut memory = memory.unwrap_or_default();
    let next = reconcile_keys(readable, &keys.cx, &mut memory).await;
    if readable.metadata.deletion_timestamp.is_none() {
        keys.memories().insert(this, memory);
    }
    keys.cx.maker.call();
    let next = next?;
    keys.failures.forget(&platform);
    Ok(next.map_or_else(Action::await_change, Action::requeue))
}

impl Keys {
    fn memories(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectRef<Guarded>, Memory>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
