//! Changes of the objects that we make, told to the Platform that they belong to.

use crds::Platform;
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::{
    Resource,
    core::{ObjectMeta, PartialObjectMeta, PartialObjectMetaExt as _},
    runtime::{
        WatchStreamExt as _,
        controller::{ReconcileReason, ReconcileRequest, trigger_with},
        reflector::ObjectRef,
        watcher,
    },
};

use super::{Requests, namespaces, written::Written};
use crate::platform::{Context, Object, Watched, metadata::FIELD_MANAGER};

/// Objects in one answer of a first list: with all that their managers set, a thousand of them would be tens of megabytes at
/// once.
pub(super) const PAGE: u32 = 50;

/// What a watch of the metadata alone says.
pub(super) type Event<K> = Result<watcher::Event<PartialObjectMeta<K>>, watcher::Error>;

/// Changes of the objects of one kind that we made.
pub(super) fn owned<K>(cx: &Context) -> Requests
where
    K: Object,
{
    requests(events::<K>(cx))
}

/// The same of the autoscalers, each of whose looks at its pods is another status.
pub(super) fn autoscalers(cx: &Context) -> Requests {
    let mut written = Written::default();
    let events = events::<HorizontalPodAutoscaler>(cx);
    requests(events.filter(move |event| std::future::ready(written.is_news(event))))
}

/// What the watch of the metadata of one kind says, of what we made.
pub(super) fn events<K>(cx: &Context) -> impl Stream<Item = Event<K>> + Send + use<K>
where
    K: Object,
{
    let watched = cx.watched.clone();
    let ours = watcher::Config::default()
        .labels(&format!("app.kubernetes.io/managed-by={FIELD_MANAGER}"))
        .page_size(PAGE);
    namespaces::watch(cx, &ours, ObjectMeta::into_response_partial::<K>)
        .inspect(move |event| note(&watched, event))
}

pub(super) fn requests<K>(events: impl Stream<Item = Event<K>> + Send + 'static) -> Requests
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + Send + 'static,
{
    trigger_with(events.touched_objects(), |object: PartialObjectMeta<K>| {
        let belongs = platform_of(&object.metadata)?;
        let namespace = object.metadata.namespace.as_deref()?;
        let name = object.metadata.name.as_deref()?;
        Some(ReconcileRequest {
            obj_ref: ObjectRef::new(&belongs).within(namespace),
            reason: ReconcileReason::RelatedObjectUpdated {
                obj_ref: Box::new(ObjectRef::<K>::new(name).within(namespace).erase()),
            },
        })
    })
    .boxed()
}

/// What a watch tells of which objects stand as they were.
fn note<K: 'static>(watched: &Watched, event: &Event<K>) {
    match event {
        Ok(watcher::Event::Init) => watched.begin::<K>(),
        Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
            watched.told::<K>(&object.metadata);
        }
        Ok(watcher::Event::Delete(object)) => watched.gone::<K>(&object.metadata),
        Ok(watcher::Event::InitDone) => {}
        Err(_) => watched.doubt::<K>(),
    }
}

/// The name of the Platform that an object belongs to: of its owner, or, where somebody took that out, by its label.
fn platform_of(metadata: &ObjectMeta) -> Option<String> {
    let of_ours = |kind: &str, version: &str| {
        let group = version.split_once('/').map(|(group, _)| group);
        kind == Platform::kind(&()) && group == Some(&*Platform::group(&()))
    };
    let owners = metadata.owner_references.iter().flatten();
    let owner = owners
        .into_iter()
        .find(|owner| of_ours(&owner.kind, &owner.api_version));
    let label = || metadata.labels.as_ref()?.get("app.kubernetes.io/instance");
    owner.map(|owner| &owner.name).or_else(label).cloned()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use k8s_openapi::api::core::v1::Service;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_watch_that_fails_or_begins_anew_or_tells_a_change_has_objects_read() {
        let told = |version: &str| -> PartialObjectMeta<Service> {
            let metadata = json!({"namespace": "n", "name": "a", "resourceVersion": version});
            serde_json::from_value(json!({"metadata": metadata})).expect("metadata")
        };
        let now = DateTime::UNIX_EPOCH;
        let events: [Event<Service>; 4] = [
            Ok(watcher::Event::Init),
            Ok(watcher::Event::Apply(told("2"))),
            Ok(watcher::Event::Delete(told("2"))),
            Err(watcher::Error::NoResourceVersion),
        ];
        for event in events {
            let watched = Watched::default();
            note::<Service>(&watched, &Ok(watcher::Event::Init));
            note::<Service>(&watched, &Ok(watcher::Event::InitApply(told("1"))));
            note::<Service>(&watched, &Ok(watcher::Event::InitDone));
            let service = Service::default();
            watched.found(&told("1").metadata, &service, now);
            let stands = || watched.stands(&told("1").metadata, &service, now);
            assert!(stands());
            note(&watched, &event);
            assert!(!stands(), "{event:?}");
        }
    }

    #[rstest]
    #[case::owner(json!([["crewdeck.io/v1beta1", "Platform", "demo"]]), json!({}), Some("demo"))]
    #[case::owner_of_another_version(json!([["crewdeck.io/v2", "Platform", "demo"]]), json!({}), Some("demo"))]
    #[case::owner_taken_out(json!([]), json!({"app.kubernetes.io/instance": "demo"}), Some("demo"))]
    #[case::owner_before_label(json!([["crewdeck.io/v1beta1", "Platform", "demo"]]), json!({"app.kubernetes.io/instance": "other"}), Some("demo"))]
    #[case::foreign_owner(json!([["example.org/v1", "Platform", "theirs"]]), json!({}), None)]
    #[case::nothing(json!([]), json!({}), None)]
    fn an_object_leads_to_its_platform(
        #[case] owners: Value,
        #[case] labels: Value,
        #[case] platform: Option<&str>,
    ) {
        let owners: Vec<Value> = owners
            .as_array()
            .expect("a list")
            .iter()
            .map(|owner| json!({"apiVersion": owner[0], "kind": owner[1], "name": owner[2], "uid": "1"}))
            .collect();
        let metadata = json!({"labels": labels, "ownerReferences": owners});
        let metadata: ObjectMeta = serde_json::from_value(metadata).expect("metadata");
        assert_eq!(platform_of(&metadata).as_deref(), platform);
    }
}
