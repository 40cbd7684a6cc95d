//! The Platforms whose users a Redis server has lost, which no watch tells: looked for every few seconds.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use kube::runtime::{
    controller::{ReconcileReason, ReconcileRequest},
    reflector::ObjectRef,
};
use tokio::time::sleep;

use super::Requests;
use crate::platform::Context;

/// Between two looks: with the pass that follows, users are back within ten seconds.
const LOOK: Duration = Duration::from_secs(5);

/// Asks every Redis server that Platforms use, once for all of them.
pub(super) fn requests(cx: &Context) -> Requests {
    stream::unfold(cx.clone(), |cx| async move {
        sleep(LOOK).await;
        let lost = cx.administrators.lost_redis_users(cx.clock.now()).await;
        let requests = lost.into_iter().map(|(namespace, name)| {
            tracing::warn!(namespace, name, "a Redis server has lost users");
            ReconcileRequest {
                obj_ref: ObjectRef::new(&name).within(&namespace),
                reason: ReconcileReason::Custom {
                    reason: "a Redis server has lost users".to_owned(),
                },
            }
        });
        Some((stream::iter(requests.collect::<Vec<_>>()), cx))
    })
    .flatten()
    .map(Ok)
    .boxed()
}
