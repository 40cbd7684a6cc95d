//! What is known of objects without reading them: that one stood as wanted when it was read, or was not there, and that its watch
//! has told of no change since.
//!
//! What stands here are hashes, for there are dozens of objects to each Platform. A watch that comes late is no harm: its
//! event begins a pass, and that pass finds another version here. A kind that nobody watches is never here.

use std::{
    any::TypeId,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use kube::core::ObjectMeta;
use serde::Serialize;

/// How long what was read is believed: a watch whose connection is lost without a word says nothing for as long.
const LASTS: TimeDelta = TimeDelta::minutes(5);

/// What the watches tell, and what was found by reading.
#[derive(Debug, Default)]
pub struct Watched(Mutex<HashMap<TypeId, Objects>>);

/// By namespace and name; only of a kind whose watch has begun.
type Objects = HashMap<u64, Object>;

#[derive(Debug)]
enum Object {
    /// The watch told this version of it; this is wanted, and was found in it at that time.
    There {
        version: u64,
        found: Option<(u64, DateTime<Utc>)>,
    },
    /// It was not there when somebody looked, at this time. That no watch knows it would not do: one that has lost our label
    /// is known to none.
    Absent(DateTime<Utc>),
}

impl Watched {
    /// The watch of a kind begins anew and will tell all objects.
    pub(crate) fn begin<K: 'static>(&self) {
        self.all(|kinds| drop(kinds.insert(TypeId::of::<K>(), Objects::new())));
    }

    /// Nobody watches a kind any more.
    pub(crate) fn end<K: 'static>(&self) {
        self.all(|kinds| drop(kinds.remove(&TypeId::of::<K>())));
    }

    /// The watch of a kind has failed: objects are read again.
    pub(crate) fn doubt<K: 'static>(&self) {
        self.of::<K, _>(|objects| {
            objects.retain(|_, object| match object {
                Object::There { found, .. } => {
                    *found = None;
                    true
                }
                Object::Absent(_) => false,
            });
        });
    }

    /// The watch tells an object.
    pub(crate) fn told<K: 'static>(&self, metadata: &ObjectMeta) {
        let told = hash(&metadata.resource_version);
        self.of::<K, _>(|objects| match objects.get(&key(metadata)) {
            Some(Object::There { version, .. }) if *version == told => {}
            _ => {
                let object = Object::There {
                    version: told,
                    found: None,
                };
                objects.insert(key(metadata), object);
            }
        });
    }

    /// We have made an object: it is absent no more. Its watch may have told it before we got the answer.
    pub(super) fn made<K: 'static>(&self, metadata: &ObjectMeta) {
        self.of::<K, _>(|objects| {
            if let Some(Object::Absent(_)) = objects.get(&key(metadata)) {
                objects.remove(&key(metadata));
            }
        });
    }

    /// The watch tells that an object is gone, or has our label no more.
    pub(crate) fn gone<K: 'static>(&self, metadata: &ObjectMeta) {
        self.of::<K, _>(|objects| objects.remove(&key(metadata)));
    }

    /// The object with this metadata was read and has all that is `wanted`. Forgotten unless it is the version that the watch
    /// told last: of another one, the watch has yet to tell.
    pub(crate) fn found<K: Serialize + 'static>(
        &self,
        metadata: &ObjectMeta,
        wanted: &K,
        now: DateTime<Utc>,
    ) {
        let read = hash(&metadata.resource_version);
        self.of::<K, _>(|objects| {
            if let Some(Object::There { version, found }) = objects.get_mut(&key(metadata))
                && *version == read
            {
                *found = digest(wanted).map(|wanted| (wanted, now));
            }
        });
    }

    /// No object of this name was there. Forgotten when the watch has told one meanwhile.
    pub(super) fn missed<K: 'static>(&self, namespace: &str, name: &str, now: DateTime<Utc>) {
        let key = hash(&(Some(namespace), Some(name)));
        self.of::<K, _>(|objects| {
            if !matches!(objects.get(&key), Some(Object::There { .. })) {
                objects.insert(key, Object::Absent(now));
            }
        });
    }

    /// Whether the object of this name had all that is `wanted` when it was read, and has not changed since.
    pub(crate) fn stands<K: Serialize + 'static>(
        &self,
        metadata: &ObjectMeta,
        wanted: &K,
        now: DateTime<Utc>,
    ) -> bool {
        let found = self.of::<K, _>(|objects| match objects.get(&key(metadata)) {
            Some(Object::There { found, .. }) => *found,
            _ => None,
        });
        found.flatten().is_some_and(|(found, at)| {
            is_believed(at, now) && digest(wanted).is_some_and(|wanted| wanted == found)
        })
    }

    /// Whether there was no object of this name, and there is none since.
    pub(super) fn lacks<K: 'static>(
        &self,
        namespace: &str,
        name: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let key = hash(&(Some(namespace), Some(name)));
        let lacks = self.of::<K, _>(|objects| match objects.get(&key) {
            Some(Object::Absent(at)) => is_believed(*at, now),
            _ => false,
        });
        lacks.unwrap_or(false)
    }

    /// Of a kind that is watched.
    fn of<K: 'static, T>(&self, work: impl FnOnce(&mut Objects) -> T) -> Option<T> {
        self.all(|kinds| kinds.get_mut(&TypeId::of::<K>()).map(work))
    }

    fn all<T>(&self, work: impl FnOnce(&mut HashMap<TypeId, Objects>) -> T) -> T {
        // Whoever panicked has changed one entry or none.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A clock that went back does not make it last longer.
fn is_believed(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at <= now && now - at < LASTS
}

/// A hash of namespace and name: which object of its kind it is.
pub(crate) fn key(metadata: &ObjectMeta) -> u64 {
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

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

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
        watched.begin::<ConfigMap>();
        watched.told::<ConfigMap>(&version("1"));
        watched.found(&version("1"), &wanted("b"), NOW);
        watched
    }

    fn stands(watched: &Watched, value: &str, now: DateTime<Utc>) -> bool {
        watched.stands(&version("1"), &wanted(value), now)
    }

    #[test]
    fn what_was_found_as_wanted_stands_until_one_of_both_changes() {
        let watched = watched();
        assert!(stands(&watched, "b", NOW) && !stands(&watched, "c", NOW));
        watched.begin::<Service>();
        watched.told::<Service>(&version("2"));
        watched.told::<ConfigMap>(&version("1"));
        assert!(stands(&watched, "b", NOW), "nothing new was told");
        watched.told::<ConfigMap>(&version("2"));
        assert!(!stands(&watched, "b", NOW));
    }

    #[test]
    fn a_watch_that_says_nothing_is_not_believed_for_ever() {
        let watched = watched();
        watched.missed::<ConfigMap>("crewdeck", "other", NOW);
        let lacks = |now| watched.lacks::<ConfigMap>("crewdeck", "other", now);
        let last = NOW + LASTS - TimeDelta::seconds(1);
        assert!(stands(&watched, "b", last) && lacks(last));
        assert!(!stands(&watched, "b", NOW + LASTS) && !lacks(NOW + LASTS));
        let before = NOW - TimeDelta::seconds(1);
        assert!(!stands(&watched, "b", before) && !lacks(before));
    }

    #[test]
    fn what_the_watch_does_not_tell_is_read() {
        let watched = Watched::default();
        watched.found(&version("1"), &wanted("b"), NOW);
        watched.missed::<ConfigMap>("crewdeck", "demo", NOW);
        assert!(!stands(&watched, "b", NOW), "not watched");
        assert!(!watched.lacks::<ConfigMap>("crewdeck", "demo", NOW));
        for end in [
            Watched::begin::<ConfigMap>,
            Watched::end::<ConfigMap>,
            Watched::doubt::<ConfigMap>,
            |watched: &Watched| watched.gone::<ConfigMap>(&version("1")),
        ] {
            let watched = self::watched();
            watched.missed::<ConfigMap>("crewdeck", "demo", NOW);
            assert!(stands(&watched, "b", NOW), "it was told");
            end(&watched);
            assert!(!stands(&watched, "b", NOW));
        }
    }

    #[test]
    fn what_was_missed_is_absent_until_it_is_told_or_made_or_doubted() {
        let lacks = |watched: &Watched| watched.lacks::<ConfigMap>("crewdeck", "demo", NOW);
        for end in [
            Watched::begin::<ConfigMap>,
            Watched::doubt::<ConfigMap>,
            |watched: &Watched| watched.told::<ConfigMap>(&version("1")),
            |watched: &Watched| watched.made::<ConfigMap>(&version("1")),
        ] {
            let watched = Watched::default();
            watched.begin::<ConfigMap>();
            assert!(!lacks(&watched), "nobody looked");
            watched.missed::<ConfigMap>("crewdeck", "demo", NOW);
            assert!(lacks(&watched));
            end(&watched);
            assert!(!lacks(&watched));
        }
    }

    /// Somebody writes between our reading and the end of the pass: the event comes before what was read is noted, or after.
    #[test]
    fn a_change_that_crosses_with_the_reading_is_not_missed() {
        let watched = watched();
        watched.told::<ConfigMap>(&version("2"));
        watched.found(&version("1"), &wanted("b"), NOW);
        assert!(!stands(&watched, "b", NOW));

        let watched = self::watched();
        watched.found(&version("2"), &wanted("c"), NOW);
        watched.told::<ConfigMap>(&version("2"));
        assert!(!stands(&watched, "c", NOW));

        let watched = self::watched();
        watched.missed::<ConfigMap>("crewdeck", "demo", NOW);
        assert!(!watched.lacks::<ConfigMap>("crewdeck", "demo", NOW));
    }
}
