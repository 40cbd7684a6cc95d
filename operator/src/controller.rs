//! What wakes the reconcile: Platforms whose spec or annotations changed, objects that belong to one, Secrets that one
//! names, and time.

mod named;
mod owned;
mod secrets;

use std::sync::Arc;

use crds::Platform;
use futures::{StreamExt as _, stream};
use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, Service, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};
use kube::{
    Api,
    core::DeserializeGuard,
    runtime::{
        Predicate as _, PredicateConfig, WatchStreamExt as _,
        controller::{self, Action, ReconcileRequest, applier, trigger_self},
        predicates, reflector, watcher,
    },
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::owned::owned;
use crate::{
    backoff::{WatchPauses, pause},
    platform::{Context, StepError, reconcile, unreadable},
};

/// Platforms that are worked on side by side; each only once at a time.
const CONCURRENCY: u16 = 4;

/// A Platform that may not be readable, such as one of a definition that is newer than this operator: it must not keep the
/// others from being read.
type Guarded = DeserializeGuard<Platform>;
type Requests = stream::BoxStream<'static, Result<ReconcileRequest<Guarded>, watcher::Error>>;

/// Reconciles until `stop`, then lets the passes that are under way end.
pub(crate) async fn run(cx: Context, stop: CancellationToken) {
    let namespaces = cx.config.watch_namespaces.clone();
    let wanted = move |namespace: Option<String>| {
        namespaces.is_empty() || namespace.is_some_and(|namespace| namespaces.contains(&namespace))
    };
    let (reader, writer) = reflector::store();
    let changed = Arc::new(Notify::new());
    let tell = changed.clone();
    let platforms = watcher(
        Api::<Guarded>::all(cx.client.clone()),
        watcher::Config::default(),
    )
    .backoff(WatchPauses::new(cx.ids.clone()))
    .reflect(writer)
    .inspect(move |_| tell.notify_one())
    .touched_objects()
    // Our own writes to the status wake nobody.
    .predicate_filter(
        predicates::generation.combine(predicates::annotations),
        PredicateConfig::default(),
    );
    let requests: [Requests; 8] = [
        trigger_self(platforms, ()).boxed(),
        owned::<Deployment>(&cx),
        owned::<Job>(&cx),
        owned::<Service>(&cx),
        owned::<PodDisruptionBudget>(&cx),
        owned::<ServiceAccount>(&cx),
        owned::<ConfigMap>(&cx),
        secrets::requests(&cx, reader.clone(), changed),
    ];
    let queue = stream::select_all(requests)
        .filter(move |request| {
            let take = request
                .as_ref()
                .map_or(true, |request| wanted(request.obj_ref.namespace.clone()));
            std::future::ready(take)
        })
        .take_until(stop.cancelled_owned());

    applier(
        |platform, cx: Arc<Context>| Box::pin(step(platform, cx)),
        |_, error, cx| Action::requeue(pause(error.class, 3, cx.ids.as_ref())),
        Arc::new(cx),
        reader,
        queue,
        controller::Config::default().concurrency(CONCURRENCY),
    )
    .for_each(|outcome| {
        match outcome {
            Ok(_) => {}
            // Deleted meanwhile: there is nothing to do any more.
            Err(controller::Error::ObjectNotFound(platform)) => tracing::debug!(%platform, "gone"),
            Err(error) => tracing::warn!(%error, "a pass did not end"),
        }
        std::future::ready(())
    })
    .await;
}

async fn step(platform: Arc<Guarded>, cx: Arc<Context>) -> Result<Action, StepError> {
    let next = match &platform.0 {
        Ok(platform) => reconcile(platform, &cx).await?,
        Err(damage) => Some(unreadable(damage, &cx).await?),
    };
    Ok(next.map_or_else(Action::await_change, Action::requeue))
}
