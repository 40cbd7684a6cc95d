//! The objects that we make of kinds of others, which a cluster may get later, or lose.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use kube::{
    Resource,
    core::NamespaceResourceScope,
    runtime::{controller::ReconcileRequest, watcher},
};
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use super::{Guarded, Requests, owned::owned};
use crate::platform::{Context, kinds};

/// Between two looks for a kind that is not there.
const LOOK: Duration = Duration::from_secs(20);

/// Changes of the objects of one kind that we made, while the cluster has it.
pub(super) fn of_others<K>(cx: &Context) -> Requests
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug
        + Send
        + 'static,
{
    stream::unfold((cx.clone(), Duration::ZERO), |(cx, pause)| async move {
        sleep(pause).await;
        while !kinds::has::<K>(&cx).await.unwrap_or(false) {
            sleep(LOOK).await;
        }
        let changes = owned::<K>(&cx).take_while(|change| std::future::ready(!is_gone(change)));
        // A kind that went is believed to be there for a moment still.
        Some((changes, (cx, LOOK)))
    })
    .flatten()
    .boxed()
}

/// Whether the kind itself is there no more.
fn is_gone(change: &Result<ReconcileRequest<Guarded>, watcher::Error>) -> bool {
    use watcher::Error::{InitialListFailed, WatchStartFailed};

    match change {
        Err(
            InitialListFailed(kube::Error::Api(status))
            | WatchStartFailed(kube::Error::Api(status)),
        ) => status.code == 404,
        _ => false,
    }
}
