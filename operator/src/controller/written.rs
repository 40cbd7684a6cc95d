//! Which changes of an object are news, of a kind whose status is written time and again.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use kube::{core::ObjectMeta, runtime::watcher::Event};

use super::owned;
use crate::platform::apply::key;

/// What was written last into each object, but for its status.
#[derive(Default)]
pub(super) struct Written {
    /// By a hash of its name; of who has written what, and when.
    objects: HashMap<u64, u64>,
    /// Those of a list that is being told.
    listed: HashSet<u64>,
}

impl Written {
    /// Whether an event tells more than another status.
    pub(super) fn is_news<K>(&mut self, event: &owned::Event<K>) -> bool {
        match event {
            Ok(Event::Init) => self.listed.clear(),
            Ok(Event::InitApply(object)) => {
                self.listed.insert(key(&object.metadata));
                return self.is_new(&object.metadata);
            }
            Ok(Event::InitDone) => {
                let listed = std::mem::take(&mut self.listed);
                self.objects.retain(|name, _| listed.contains(name));
            }
            Ok(Event::Apply(object)) => return self.is_new(&object.metadata),
            Ok(Event::Delete(object)) => drop(self.objects.remove(&key(&object.metadata))),
            Err(_) => {}
        }
        true
    }

    fn is_new(&mut self, metadata: &ObjectMeta) -> bool {
        match written(metadata) {
            Some(written) => self.objects.insert(key(metadata), written) != Some(written),
            None => true,
        }
    }
}

/// Of everything that is no status, and of the times at which it was written; `None` when nobody keeps account of that, as after
/// somebody emptied it.
fn written(metadata: &ObjectMeta) -> Option<u64> {
    let fields = metadata.managed_fields.iter().flatten();
    let mut fields = fields
        .filter(|entry| entry.subresource.is_none())
        .peekable();
    fields.peek()?;
    let mut hasher = DefaultHasher::new();
    (&metadata.uid, &metadata.labels, &metadata.annotations).hash(&mut hasher);
    for owner in metadata.owner_references.iter().flatten() {
        (&owner.uid, owner.controller).hash(&mut hasher);
    }
    for entry in fields {
        let at = entry.time.as_ref().map(|time| time.0.as_second());
        let what = entry.fields_v1.as_ref().map(|fields| fields.0.to_string());
        (&entry.manager, &entry.operation, at, what).hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    use kube::core::PartialObjectMeta;
    use serde_json::json;

    use super::*;

    type Autoscaler = PartialObjectMeta<HorizontalPodAutoscaler>;

    /// An autoscaler whose target somebody wrote at this second, and whose status was written at that one.
    fn autoscaler(target: u32, status: u32) -> Autoscaler {
        let entry = |manager: &str, second: u32, subresource: Option<&str>| {
            json!({
                "manager": manager, "operation": "Update", "subresource": subresource,
                "time": format!("2027-01-15T08:00:{second:02}Z"), "fieldsV1": {"f:spec": {}},
            })
        };
        let metadata = json!({
            "namespace": "crewdeck", "name": "demo-web", "resourceVersion": (target + status).to_string(),
            "managedFields": [
                entry("kubectl", target, None), entry("kube-controller-manager", status, Some("status")),
            ],
        });
        serde_json::from_value(json!({"metadata": metadata})).expect("metadata")
    }

    #[test]
    fn another_status_is_no_news_and_all_else_is() {
        let mut written = Written::default();
        let mut news = |event: Event<Autoscaler>| written.is_news(&Ok(event));
        assert!(news(Event::InitApply(autoscaler(1, 1))));
        assert!(!news(Event::Apply(autoscaler(1, 16))));
        assert!(news(Event::Apply(autoscaler(2, 16))));
        assert!(!news(Event::InitApply(autoscaler(2, 31))));
        assert!(news(Event::Delete(autoscaler(2, 31))));
        assert!(news(Event::Apply(autoscaler(2, 31))));
        // Gone while nobody watched, and made anew.
        assert!(news(Event::Init) && news(Event::InitDone));
        assert!(news(Event::InitApply(autoscaler(2, 31))));
        let mut emptied = autoscaler(2, 31);
        emptied.metadata.managed_fields = None;
        assert!(news(Event::Apply(emptied.clone())) && news(Event::Apply(emptied)));
    }
}
