//! Objects that stood as wanted when they were read, and are not read again while their watch tells of no change.
//!
//! What stands here are hashes, for there are dozens of objects to each Platform. A watch that comes late is no harm: its
//! event begins a pass, and that pass finds another version here. A kind that nobody watches is never here.

use std::{
    any::TypeId,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::Mutex,
};

use kube::core::ObjectMeta;
use serde::Serialize;

/// What the watches tell, and what was compared with it.
#[derive(Debug, Default)]
pub struct Watched(Mutex<HashMap<TypeId, Objects>>);

#[derive(Debug, Default)]
struct Objects {
    /// Whether all were told.
    listed: bool,
    /// By namespace and name.
    known: HashMap<u64, Object>,
}

#[derive(Debug)]
struct Object {
    /// As the watch told it.
    version: u64,
    /// What this version was compared with, and had all of.
    wanted: Option<u64>,
}

impl Watched {
    /// The watch of a kind begins anew and will tell all objects.
    pub(crate) fn begin<K: 'static>(&self) {
        self.of::<K, _>(|objects| *objects = Objects::default());
    }

    /// The watch has told all objects of a kind.
    pub(crate) fn listed<K: 'static>(&self) {
        self.of::<K, _>(|objects| objects.listed = true);
    }

    /// The watch of a kind has failed: until it tells more, objects are read.
    pub(crate) fn doubt<K: 'static>(&self) {
        self.of::<K, _>(|objects| {
            for object in objects.known.values_mut() {
                object.wanted = None;
            }
        });
    }

    /// The watch tells an object.
    pub(crate) fn told<K: 'static>(&self, metadata: &ObjectMeta) {
        let version = hash(&metadata.resource_version);
        self.of::<K, _>(|objects| {
            let object = objects.known.entry(key(metadata)).or_insert(Object {
                version,
                wanted: None,
            });
            if object.version != version {
                *object = Object {
                    version,
                    wanted: None,
                };
            }
        });
    }

    /// The watch tells that an object is gone.
    pub(crate) fn gone<K: 'static>(&self, metadata: &ObjectMeta) {
        self.of::<K, _>(|objects| objects.known.remove(&key(metadata)));
    }

    /// The object with this metadata was read and has all that is `wanted`. Forgotten unless it is the version that the watch
    /// told last: of another one, the watch has yet to tell.
    pub(super) fn found<K: Serialize + 'static>(&self, metadata: &ObjectMeta, wanted: &K) {
        let version = hash(&metadata.resource_version);
        self.of::<K, _>(|objects| {
            if let Some(object) = objects.known.get_mut(&key(metadata))
                && object.version == version
            {
                object.wanted = digest(wanted);
            }
        });
    }

    /// Whether the object of this name had all that is `wanted` when it was read, and has not changed since.
    pub(super) fn stands<K: Serialize + 'static>(&self, metadata: &ObjectMeta, wanted: &K) -> bool {
        let compared = self.of::<K, _>(|objects| objects.known.get(&key(metadata))?.wanted);
        compared.is_some() && compared == digest(wanted)
    }

    /// Whether there is no such object.
    pub(super) fn lacks<K: 'static>(&self, namespace: &str, name: &str) -> bool {
        let key = hash(&(Some(namespace), Some(name)));
        self.of::<K, _>(|objects| objects.listed && !objects.known.contains_key(&key))
    }

    fn of<K: 'static, T>(&self, work: impl FnOnce(&mut Objects) -> T) -> T {
        // Whoever panicked has changed one entry or none.
        let mut kinds = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        work(kinds.entry(TypeId::of::<K>()).or_default())
    }
}

fn key(metadata: &ObjectMeta) -> u64 {
    hash(&(&metadata.namespace, &metadata.name))
}

/// Of an object as it is sent; none of one that cannot be.
fn digest(wanted: &impl Serialize) -> Option<u64> {
    Some(hash(&serde_json::to_vec(wanted).ok()?))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Service};

    use super::*;

    fn version(version: &str) -> ObjectMeta {
        ObjectMeta {
            namespace: Some("crewdeck".to_owned()),
            name: Some("demo".to_owned()),
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        }
    }

    fn wanted(value: &str) -> ConfigMap {
        ConfigMap {
            data: Some([("a".to_owned(), value.to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    /// Told in version 1, in which it was found as wanted.
    fn watched() -> Watched {
        let watched = Watched::default();
        watched.told::<ConfigMap>(&version("1"));
        watched.found(&version("1"), &wanted("b"));
        watched
    }

    #[test]
    fn what_was_found_as_wanted_stands_until_one_of_both_changes() {
        let watched = watched();
        let stands = |value: &str| watched.stands(&version("1"), &wanted(value));
        assert!(stands("b") && !stands("c"));
        watched.told::<Service>(&version("2"));
        watched.told::<ConfigMap>(&version("1"));
        assert!(stands("b"), "nothing new was told");
        watched.told::<ConfigMap>(&version("2"));
        assert!(!stands("b"));
    }

    #[test]
    fn what_the_watch_does_not_tell_is_read() {
        let watched = Watched::default();
        watched.found(&version("1"), &wanted("b"));
        assert!(!watched.stands(&version("1"), &wanted("b")), "not watched");
        for end in [
            Watched::begin::<ConfigMap>,
            Watched::doubt::<ConfigMap>,
            |watched: &Watched| watched.gone::<ConfigMap>(&version("1")),
        ] {
            let watched = self::watched();
            end(&watched);
            assert!(!watched.stands(&version("1"), &wanted("b")));
        }
    }

    #[test]
    fn what_is_not_there_is_known_once_all_is_told() {
        let watched = Watched::default();
        let lacks = |name: &str| watched.lacks::<ConfigMap>("crewdeck", name);
        watched.begin::<ConfigMap>();
        watched.told::<ConfigMap>(&version("1"));
        assert!(!lacks("demo") && !lacks("other"));
        watched.listed::<ConfigMap>();
        assert!(!lacks("demo") && lacks("other"));
        watched.gone::<ConfigMap>(&version("2"));
        assert!(lacks("demo"));
        watched.begin::<ConfigMap>();
        assert!(!lacks("demo"));
    }

    /// Somebody writes between our reading and the end of the pass: the event comes before what was read is noted, or after.
    #[test]
    fn a_change_that_crosses_with_the_reading_is_not_missed() {
        let watched = watched();
        watched.told::<ConfigMap>(&version("2"));
        watched.found(&version("1"), &wanted("b"));
        assert!(!watched.stands(&version("1"), &wanted("b")));

        let watched = self::watched();
        watched.found(&version("2"), &wanted("c"));
        watched.told::<ConfigMap>(&version("2"));
        assert!(!watched.stands(&version("1"), &wanted("c")));
    }
}
