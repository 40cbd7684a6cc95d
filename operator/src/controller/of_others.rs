//! The objects that we make of kinds of others, which a cluster may get later, or lose.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use kube::runtime::watcher;
use tokio::time::sleep;

use super::{
    Requests,
    owned::{Event, events, requests},
};
use crate::platform::{Context, Object, kinds};

/// Between two looks for a kind that is not there.
const LOOK: Duration = Duration::from_secs(20);

/// Changes of the objects of one kind that we made, while the cluster has it.
pub(super) fn of_others<K>(cx: &Context) -> Requests
where
    K: Object,
{
    let changes = stream::unfold((cx.clone(), Duration::ZERO), |(cx, pause)| async move {
        // Nothing is known of a kind that is not watched.
        cx.watched.end::<K>();
        sleep(pause).await;
        while !kinds::has::<K>(&cx).await.unwrap_or(false) {
            sleep(LOOK).await;
        }
        let kinds = cx.kinds.clone();
        let changes = events::<K>(&cx)
            .inspect(move |event| {
                // With a kind that goes, its objects go one after the other.
                if matches!(event, Ok(watcher::Event::Delete(_)) | Err(_)) {
                    kinds.forget::<K>();
                }
            })
            .take_while(|event| std::future::ready(!is_gone(event)));
        Some((changes.boxed(), (cx, LOOK)))
    });
    requests(changes.flatten())
}

/// Whether the kind itself is there no more.
fn is_gone<K>(event: &Event<K>) -> bool {
    use watcher::Error::{InitialListFailed, WatchStartFailed};

    match event {
        Err(
            InitialListFailed(kube::Error::Api(status))
            | WatchStartFailed(kube::Error::Api(status)),
        ) => status.code == 404,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::platform::foreign::HttpRoute;
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_kind_is_gone_when_the_api_server_does_not_know_it() {
        let refused = |code: u16| {
            let status = Status::failure("no", "").with_code(code).boxed();
            kube::Error::Api(status)
        };
        assert!(is_gone::<HttpRoute>(&Err(
            watcher::Error::InitialListFailed(refused(404))
        )));
        assert!(is_gone::<HttpRoute>(&Err(
            watcher::Error::WatchStartFailed(refused(404))
        )));
        assert!(!is_gone::<HttpRoute>(&Err(
            watcher::Error::InitialListFailed(refused(403))
        )));
        assert!(!is_gone::<HttpRoute>(&Err(
            watcher::Error::NoResourceVersion
        )));
    }
}
