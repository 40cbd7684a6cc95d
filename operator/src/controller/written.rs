//! Which changes of an object are news, of a kind whose status is written time and again.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use kube::{
    core::{ObjectMeta, PartialObjectMeta},
    runtime::watcher::{self, Event},
};

/// What was written last into each object, but for its status: by hashes of its name and of who has written what, and when.
#[derive(Default)]
pub(super) struct Written(HashMap<u64, u64>);

impl Written {
    /// Whether an event tells more than another status.
    pub(super) fn is_news<K>(
        &mut self,
        event: &Result<Event<PartialObjectMeta<K>>, watcher::Error>,
    ) -> bool {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                let written = written(&object.metadata);
                self.0.insert(name(&object.metadata), written) != Some(written)
            }
            Ok(Event::Delete(object)) => {
                self.0.remove(&name(&object.metadata));
                true
            }
            _ => true,
        }
    }
}

fn name(metadata: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&metadata.namespace, &metadata.name).hash(&mut hasher);
    hasher.finish()
}

/// Of everything that is no status, and of the times at which it was written.
fn written(metadata: &ObjectMeta) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&metadata.uid, &metadata.labels, &metadata.annotations).hash(&mut hasher);
    for owner in metadata.owner_references.iter().flatten() {
        (&owner.uid, owner.controller).hash(&mut hasher);
    }
    let fields = metadata.managed_fields.iter().flatten();
    for entry in fields.filter(|entry| entry.subresource.is_none()) {
        let at = entry.time.as_ref().map(|time| time.0.as_second());
        let what = entry.fields_v1.as_ref().map(|fields| fields.0.to_string());
        (&entry.manager, &entry.operation, at, what).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
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
    }
}
