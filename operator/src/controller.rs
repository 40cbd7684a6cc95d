//! What wakes the reconcile: Platforms whose spec or annotations changed, objects that belong to one, Secrets that one
//! names, users that a server has lost, and time.

mod census;
mod failures;
mod keys;
mod named;
mod namespaces;
mod of_others;
mod owned;
mod redis_users;
mod secrets;
mod woken;
mod written;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use crds::{ConditionType, Platform, Reason};
use futures::{FutureExt as _, StreamExt as _, channel::mpsc, stream};
use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, Service, ServiceAccount},
    networking::v1::{Ingress, NetworkPolicy},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Resource as _,
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::{
        Predicate as _, PredicateConfig, WatchStreamExt as _,
        controller::{self, Action, ReconcileRequest, applier, trigger_self},
        predicates, reflector, watcher,
    },
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use self::{
    failures::Failures,
    of_others::of_others,
    owned::{PAGE, autoscalers, owned},
    woken::when_woken,
};
use crate::{
    backoff::{doubled, pause_untold},
    keys::Maker,
    platform::{
        Administrators, Context, StepError,
        foreign::{HttpRoute, PodMonitor, PrometheusRule},
        reconcile, unreadable,
    },
};

/// Platforms that are worked on side by side; each only once at a time. A pass mostly waits for servers.
const CONCURRENCY: u16 = 32;
/// How many of these may be Platforms whose servers did not answer the last time: a pass over one of them waits until each
/// of them has not answered again. However many there are, the others have the rest of the slots.
const SLOW: usize = 16;
/// Such a Platform comes again about this long after it found no slot.
const NO_SLOT: Duration = Duration::from_secs(4);

/// What the passes of this process share.
struct Passes {
    cx: Context,
    failures: Failures,
    slow: Semaphore,
}

/// A Platform that may not be readable, such as one of a definition that is newer than this operator: it must not keep the
/// others from being read.
type Guarded = DeserializeGuard<Platform>;
type Requests = stream::BoxStream<'static, Result<ReconcileRequest<Guarded>, watcher::Error>>;

/// Reconciles until `stop`, then lets the passes that are under way end.
pub(crate) async fn run(cx: Context, stop: CancellationToken) {
    // What an earlier reign of this process knew is older than its watches; who does not reign stays logged in nowhere, and
    // tells nothing of any Platform.
    let cx = Context {
        watched: Arc::default(),
        gauges: Arc::default(),
        administrators: Administrators::default(),
        maker: Maker::default(),
        ..cx
    };
    let (reader, writer) = reflector::store();
    let changed = Arc::new(Notify::new());
    let announce = changed.clone();
    let all = watcher::Config::default().page_size(PAGE);
    let platforms = namespaces::watch(&cx, &all, |metadata| {
        let error = "it is gone".to_owned();
        DeserializeGuard(Err(InvalidObject { error, metadata }))
    })
    .modify(without_fields)
    .reflect(writer)
    .inspect(move |_| announce.notify_one())
    .touched_objects()
    // Of what we write to the status ourselves, only what the keys' controller tells is news to the other one.
    .predicate_filter(
        predicates::generation
            .combine(predicates::annotations)
            .combine(signing_keys),
        PredicateConfig::default(),
    );
    let requests: [Requests; 15] = [
        trigger_self(platforms, ()).boxed(),
        owned::<Deployment>(&cx),
        owned::<Job>(&cx),
        owned::<Service>(&cx),
        owned::<PodDisruptionBudget>(&cx),
        owned::<NetworkPolicy>(&cx),
        owned::<Ingress>(&cx),
        owned::<ServiceAccount>(&cx),
        owned::<ConfigMap>(&cx),
        autoscalers(&cx),
        of_others::<HttpRoute>(&cx),
        of_others::<PodMonitor>(&cx),
        of_others::<PrometheusRule>(&cx),
        secrets::requests(&cx, reader.clone(), changed),
        redis_users::requests(&cx),
    ];
    let (to_keys, of_keys) = mpsc::unbounded();
    let queue = stream::select_all(requests)
        .inspect(move |request| {
            if let Ok(request) = request
                && keys::concerns(request)
            {
                // Refused only when the keys' controller has ended, and then this one ends too.
                let _ = to_keys.unbounded_send(request.clone());
            }
        })
        .take_until(stop.clone().cancelled_owned());
    let of_keys = stream::select(of_keys, keys::called(cx.maker.clone()))
        .take_until(stop.clone().cancelled_owned());

    let passes = Passes {
        cx: cx.clone(),
        failures: Failures::default(),
        slow: Semaphore::new(SLOW),
    };
    let passes = applier(
        |platform, passes: Arc<Passes>| when_woken(step(platform, passes)).boxed(),
        |platform, error, passes| {
            let failures = passes.failures.count(&platform);
            tracing::debug!(%error, failures, "a pass could not tell its outcome");
            Action::requeue(pause_untold(failures, passes.cx.ids.as_ref()))
        },
        Arc::new(passes),
        reader.clone(),
        queue,
        controller::Config::default().concurrency(CONCURRENCY),
    )
    .for_each(|outcome| {
        tell(outcome);
        std::future::ready(())
    });
    let census = census::run(cx.clone(), reader.clone(), stop);
    tokio::join!(passes, keys::run(cx, reader, of_keys), census);
}

async fn step(platform: Arc<Guarded>, passes: Arc<Passes>) -> Result<Action, StepError> {
    let cx = &passes.cx;
    let _slot = match &platform.0 {
        Ok(platform) if is_slow(platform) => match passes.slow.try_acquire() {
            Ok(slot) => Some(slot),
            Err(_) => return Ok(Action::requeue(doubled(NO_SLOT, u32::MAX, cx.ids.as_ref()))),
        },
        _ => None,
    };
    let next = match &platform.0 {
        Ok(platform) => reconcile(platform, cx).await?,
        Err(damage) => Some(unreadable(damage, cx).await?),
    };
    passes.failures.forget(&platform);
    Ok(next.map_or_else(Action::await_change, Action::requeue))
}

/// Whether the servers of a Platform did not answer, more than once in a row.
fn is_slow(platform: &Platform) -> bool {
    let status = platform.status.as_ref();
    let waiting = status.and_then(|status| status.waiting_on.as_ref());
    let dead = [Reason::BackendUnreachable, Reason::LeftBehind].map(Reason::as_str);
    waiting.is_some_and(|waiting| waiting.attempts > 1 && dead.contains(&waiting.reason.as_str()))
}

/// What became of a pass, if there is something to say.
fn tell<T>(outcome: Result<T, controller::Error<StepError, watcher::Error>>) {
    match outcome {
        Ok(_) => {}
        // Deleted meanwhile: there is nothing to do any more.
        Err(controller::Error::ObjectNotFound(platform)) => tracing::debug!(%platform, "gone"),
        Err(error) => tracing::warn!(%error, "a pass did not end"),
    }
}

/// Takes out which fields each manager set: nobody reads that, and it is most of what would be kept of a Platform.
fn without_fields(platform: &mut Guarded) {
    for entry in platform.meta_mut().managed_fields.iter_mut().flatten() {
        entry.fields_v1 = None;
    }
}

/// Changes with what the keys' controller tells of a Platform.
fn signing_keys(platform: &Guarded) -> Option<u64> {
    let status = platform.0.as_ref().ok()?.status.as_ref()?;
    let keys = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == ConditionType::SigningKeyReady.as_str())?;
    let mut hasher = DefaultHasher::new();
    (
        &keys.status,
        &keys.reason,
        &keys.message,
        keys.observed_generation,
    )
        .hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::platform::validate::sample::platform;

    #[rstest]
    #[case::dead("BackendUnreachable", 2, true)]
    #[case::dead_while_it_is_deleted("LeftBehind", 7, true)]
    #[case::perhaps_dead("BackendUnreachable", 1, false)]
    #[case::quickly_told("SecretNotFound", 9, false)]
    fn only_those_whose_servers_stay_silent_are_slow(
        #[case] reason: &str,
        #[case] attempts: i64,
        #[case] slow: bool,
    ) {
        let mut platform = platform();
        assert!(!is_slow(&platform));
        let waiting = json!({
            "reason": reason, "message": "", "since": "2027-01-15T08:00:00Z", "attempts": attempts,
        });
        let status = json!({"waitingOn": waiting});
        platform.status = Some(serde_json::from_value(status).expect("a status"));
        assert_eq!(is_slow(&platform), slow);
    }

    #[test]
    fn what_the_keys_tell_is_news_and_the_rest_of_the_status_is_not() {
        let with = |status: serde_json::Value| {
            let mut platform = platform();
            platform.status = Some(serde_json::from_value(status).expect("a status"));
            signing_keys(&DeserializeGuard(Ok(platform)))
        };
        let keys = |status: &str, generation: i64, version: &str| {
            let condition = json!({
                "type": "SigningKeyReady", "status": status, "reason": "Ready", "message": "",
                "observedGeneration": generation, "lastTransitionTime": "2027-01-15T08:00:00Z",
            });
            with(json!({"conditions": [condition], "version": version}))
        };
        assert_eq!(keys("True", 1, "1"), keys("True", 1, "2"));
        assert_ne!(keys("True", 1, "1"), keys("False", 1, "1"));
        assert_ne!(keys("True", 1, "1"), keys("True", 2, "1"));
        assert_eq!(with(json!({"version": "1"})), None);
    }
}
