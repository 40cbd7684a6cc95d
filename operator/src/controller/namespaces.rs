//! Where objects are watched: all of a kind by one watch, or those of each namespace that is looked after by a watch of its own,
//! so that no right is needed anywhere else.

use std::{collections::HashSet, fmt::Debug};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use k8s_openapi::NamespaceResourceScope;
use kube::{
    Api, Resource, ResourceExt as _,
    core::ObjectMeta,
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;

use crate::{backoff::WatchPauses, platform::Context};

/// What a watch tells; without an end.
type Watch<K> = BoxStream<'static, watcher::Result<Event<K>>>;

/// What the watches of one kind tell, as one watch would; without an end. `bare` makes of metadata an object of that kind, for
/// one that is gone.
pub(super) fn watch<K>(
    cx: &Context,
    config: &watcher::Config,
    bare: fn(ObjectMeta) -> K,
) -> Watch<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Clone
        + Debug
        + Send
        + 'static,
{
    let watch = |api: Api<K>| {
        let pauses = WatchPauses::new(cx.ids.clone());
        watcher(api, config.clone()).backoff(pauses).boxed()
    };
    let within = |namespace: &String| watch(Api::namespaced(cx.client.clone(), namespace));
    match cx.config.watch_namespaces.as_slice() {
        [] => watch(Api::all(cx.client.clone())),
        [namespace] => within(namespace),
        namespaces => join(namespaces, namespaces.iter().map(within), bare),
    }
}

/// One watch of those of several namespaces.
fn join<K>(
    namespaces: &[String],
    watches: impl Iterator<Item = Watch<K>>,
    bare: fn(ObjectMeta) -> K,
) -> Watch<K>
where
    K: Resource<DynamicType = ()> + Send + 'static,
{
    let lists = namespaces.iter().map(|namespace| List::of(namespace));
    let mut joined = Joined {
        begun: false,
        lists: lists.collect(),
        bare,
    };
    let watches = watches
        .enumerate()
        .map(|(of, events)| events.map(move |event| (of, event)));
    let events = stream::select_all(watches).flat_map(move |(of, event)| {
        stream::iter(match event {
            Ok(event) => joined.told(of, event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    events.boxed()
}

/// What several watches have told. Each of them may begin anew at any time, with a list of its own objects alone: whoever took
/// that for the list of all would forget those of the others. So a list is told object by object, and what it lacks as gone.
struct Joined<K> {
    begun: bool,
    lists: Vec<List>,
    bare: fn(ObjectMeta) -> K,
}

/// The names of the objects of one namespace.
struct List {
    namespace: String,
    there: HashSet<String>,
    /// What the list that is under way has shown.
    listed: HashSet<String>,
}

impl<K: Resource> Joined<K> {
    /// What is told of an event of the watch of one namespace.
    fn told(&mut self, of: usize, event: Event<K>) -> Vec<Event<K>> {
        let List {
            namespace,
            there,
            listed,
        } = &mut self.lists[of];
        match event {
            Event::Init => {
                listed.clear();
                if std::mem::replace(&mut self.begun, true) {
                    return Vec::new();
                }
                // Whatever there is comes later.
                vec![Event::Init, Event::InitDone]
            }
            Event::InitApply(object) => {
                listed.insert(object.name_any());
                there.insert(object.name_any());
                vec![Event::Apply(object)]
            }
            Event::InitDone => {
                let gone = there.extract_if(|name| !listed.contains(name));
                let gone = gone.map(|name| {
                    Event::Delete((self.bare)(ObjectMeta {
                        namespace: Some(namespace.clone()),
                        name: Some(name),
                        ..ObjectMeta::default()
                    }))
                });
                gone.collect()
            }
            Event::Apply(object) => {
                there.insert(object.name_any());
                vec![Event::Apply(object)]
            }
            Event::Delete(object) => {
                there.remove(&object.name_any());
                vec![Event::Delete(object)]
            }
        }
    }
}

impl List {
    fn of(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            there: HashSet::new(),
            listed: HashSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::api::core::v1::Service;
    use kube::{
        core::{PartialObjectMeta, PartialObjectMetaExt as _},
        runtime::reflector,
    };
    use serde_json::json;

    use super::*;
    use crate::{OperatorConfig, testing};

    type Meta = PartialObjectMeta<Service>;

    fn bare(metadata: ObjectMeta) -> Meta {
        metadata.into_response_partial()
    }

    fn service(namespace: &str, name: &str) -> Meta {
        bare(ObjectMeta {
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        })
    }

    /// Watches of the namespaces a and b, and what somebody who follows them knows.
    struct World {
        joined: Joined<Meta>,
        writer: reflector::store::Writer<Meta>,
        store: reflector::Store<Meta>,
    }

    impl World {
        fn new() -> Self {
            let (store, writer) = reflector::store();
            let joined = Joined {
                begun: false,
                lists: ["a", "b"].map(List::of).into(),
                bare,
            };
            Self {
                joined,
                writer,
                store,
            }
        }

        fn told(&mut self, of: usize, events: impl IntoIterator<Item = Event<Meta>>) {
            for event in events {
                for event in self.joined.told(of, event) {
                    self.writer.apply_watcher_event(&event);
                }
            }
        }

        fn knows(&self) -> Vec<String> {
            let all = self.store.state();
            let name = |object: &Arc<Meta>| {
                let namespace = object.namespace().expect("a namespace");
                format!("{namespace}/{}", object.name_any())
            };
            let mut names: Vec<String> = all.iter().map(name).collect();
            names.sort();
            names
        }
    }

    /// A whole list.
    fn list(namespace: &str, names: &[&str]) -> Vec<Event<Meta>> {
        let all = names.iter().map(|name| service(namespace, name));
        let all = all.map(Event::InitApply);
        [Event::Init]
            .into_iter()
            .chain(all)
            .chain([Event::InitDone])
            .collect()
    }

    #[test]
    fn a_watch_that_begins_anew_is_about_its_own_objects() {
        let mut world = World::new();
        world.told(0, list("a", &["x", "y"]));
        world.told(1, list("b", &["x"]));
        world.told(1, [Event::Apply(service("b", "z"))]);
        world.told(0, [Event::Delete(service("a", "y"))]);
        assert_eq!(world.knows(), ["a/x", "b/x", "b/z"]);
        // While it was away x went and w came; and again, with a list that broke off.
        let broken = [Event::Init, Event::InitApply(service("b", "v"))];
        world.told(1, broken);
        assert_eq!(world.knows(), ["a/x", "b/v", "b/x", "b/z"]);
        world.told(1, list("b", &["w", "z"]));
        assert_eq!(world.knows(), ["a/x", "b/w", "b/z"]);
        world.told(0, list("a", &[]));
        assert_eq!(world.knows(), ["b/w", "b/z"]);
    }

    #[tokio::test]
    async fn nothing_is_asked_of_other_namespaces() {
        let api = testing::Api::default();
        for namespace in ["a", "b", "c"] {
            let path = format!("/api/v1/namespaces/{namespace}/services/x");
            let metadata = json!({"namespace": namespace, "name": "x"});
            api.insert(&path, json!({"metadata": metadata}));
        }
        api.forbid("/api/v1/services");
        api.forbid("/api/v1/namespaces/c");
        for namespaces in [["a", "b"].as_slice(), &["b"]] {
            let config = OperatorConfig {
                watch_namespaces: namespaces.iter().map(ToString::to_string).collect(),
                ..OperatorConfig::default()
            };
            let cx = Context {
                config: Arc::new(config),
                ..api.context()
            };
            let events = watch(&cx, &watcher::Config::default(), bare);
            // The list has begun and ended, and every object was told.
            let events = events.take(2 + namespaces.len());
            let told: Vec<_> = events.map(|event| event.expect("an event")).collect().await;
            let objects = told.into_iter().filter_map(|event| match event {
                Event::Apply(object) | Event::InitApply(object) => object.namespace(),
                _ => None,
            });
            let mut objects: Vec<String> = objects.collect();
            objects.sort();
            assert_eq!(objects, namespaces);
        }
    }
}
