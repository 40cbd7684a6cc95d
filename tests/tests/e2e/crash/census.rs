//! How often each object of a namespace was made and deleted, by watches of the test's own: what the operator says of
//! itself is not asked.

use super::mask::Mask;
use futures::StreamExt as _;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tests::cluster::Cluster;
use tokio::task::JoinSet;

/// What the operator makes, and what Kubernetes makes of a Deployment for each shape of its pods.
const KINDS: [(&str, &str, &str); 9] = [
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("batch", "v1", "Job"),
    ("", "v1", "Service"),
    ("", "v1", "ServiceAccount"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "Secret"),
    ("policy", "v1", "PodDisruptionBudget"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
];

/// Made and deleted, by kind and name.
pub(super) type Count = BTreeMap<String, (usize, usize)>;

/// Uids that were seen and uids that went, by kind and name.
type Seen = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// Counts until it is dropped.
pub(super) struct Census {
    seen: Arc<Mutex<Seen>>,
    // Dropping it ends the watches.
    _watches: JoinSet<()>,
}

impl Census {
    /// Begins to count.
    pub(super) fn begin(cluster: &Cluster, namespace: &str, mask: &Mask) -> Self {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let mut watches = JoinSet::new();
        for (group, version, kind) in KINDS {
            let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<PartialObjectMeta<DynamicObject>> =
                Api::namespaced_with(cluster.kube.clone(), namespace, &kind);
            let (seen, mask, plural) = (seen.clone(), mask.clone(), kind.plural.clone());
            let mut events = Box::pin(watcher(api, watcher::Config::default()).default_backoff());
            watches.spawn(async move {
                while let Some(event) = events.next().await {
                    let (object, gone) = match event {
                        Ok(Event::Apply(object) | Event::InitApply(object)) => (object, false),
                        Ok(Event::Delete(object)) => (object, true),
                        _ => continue,
                    };
                    let name = object.metadata.name.unwrap_or_default();
                    let uid = object.metadata.uid.unwrap_or_default();
                    let mut seen = lock(&seen);
                    let object = mask.object(&format!("{plural}/{name}"));
                    let (made, deleted) = seen.entry(object).or_default();
                    made.insert(uid.clone());
                    if gone {
                        deleted.insert(uid);
                    }
                }
            });
        }
        Self {
            seen,
            _watches: watches,
        }
    }

    /// What was counted since it began.
    pub(super) fn count(&self) -> Count {
        let count =
            |(made, deleted): &(BTreeSet<String>, BTreeSet<String>)| (made.len(), deleted.len());
        let seen = lock(&self.seen);
        seen.iter()
            .map(|(object, uids)| (object.clone(), count(uids)))
            .collect()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
