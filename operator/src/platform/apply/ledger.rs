//! The ledger `P-external`: what was made, or was about to be made, on the servers. It is written before each act, and
//! it is the list that deletion goes by.

mod thing;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, PostParams};
use serde::{Deserialize, Serialize};
use tokio::sync;

use crate::platform::{
    Context, StepError, apply::kube::require_ours, metadata::metadata, validate::ValidatedPlatform,
};
use crds::{FORCE_RELEASE_ANNOTATION, Reason};

use self::thing::told;
pub use self::thing::{Kind, Server, Thing, list};

/// Key of the ConfigMap, which nothing but a ledger has.
pub(crate) const LEDGER: &str = "ledger.json";
/// Another leader may write, too; each change is small, so few attempts are enough.
const ATTEMPTS: usize = 8;

/// What deletion left on a server, by policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left(pub Vec<Thing>);

/// A failure to let go of a server: with what is still listed there, and the way out, unless it passes by itself.
pub(in crate::platform) fn left_behind(error: &StepError, listed: &[Thing]) -> StepError {
    if error.reason == Reason::Deleting {
        return error.clone();
    }
    StepError {
        reason: match error.reason {
            Reason::BackendUnreachable
            | Reason::SecretNotFound
            | Reason::SecretInvalid
            | Reason::SecretForbidden => Reason::LeftBehind,
            reason => reason,
        },
        message: format!(
            "{}. Left there: {}. When the server is gone for good, let go of it with the annotation \
             {FORCE_RELEASE_ANNOTATION}=true",
            error.message,
            told(listed)
        ),
        class: error.class,
    }
}

/// One line of the stored form.
#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    thing: Thing,
    created: bool,
}

/// The ledger during one pass. Those who work on the three servers side by side share it, and write one after the other.
#[derive(Debug)]
pub struct Ledger {
    /// As it was read or written last.
    page: Mutex<Page>,
    /// Held by whoever writes.
    turn: sync::Mutex<()>,
}

/// What the ledger says.
#[derive(Debug, Clone, Default)]
struct Page {
    /// The things, each with whether it was made (`true`) or meant to be made (`false`).
    things: BTreeMap<Thing, bool>,
    /// Of the ConfigMap; `None` while there is none.
    metadata: Option<ObjectMeta>,
}

impl Page {
    /// Looks; an absent ledger is empty.
    async fn read(cx: &Context, p: &ValidatedPlatform) -> Result<Self, StepError> {
        let name = name(p);
        let found = api(cx, p).get_opt(&name).await;
        let Some(found) = found.map_err(|error| refused(&name, &error))? else {
            return Ok(Self::default());
        };
        let things = entries(&found).map_err(|error| damaged(&name, &error))?;
        Ok(Self {
            things,
            metadata: Some(found.metadata),
        })
    }
}

impl Ledger {
    /// Reads the ledger; an absent one is empty.
    ///
    /// # Errors
    /// When the API server refuses, or the ledger is damaged: then nothing may be made or dropped by it.
    pub async fn read(cx: &Context, p: &ValidatedPlatform) -> Result<Self, StepError> {
        Ok(Self {
            page: Mutex::new(Page::read(cx, p).await?),
            turn: sync::Mutex::default(),
        })
    }

    /// Whether the thing is written down.
    #[must_use]
    pub fn knows(&self, thing: &Thing) -> bool {
        self.look(|page| page.things.contains_key(thing))
    }

    /// What is written down for a server.
    #[must_use]
    pub fn on(&self, server: Server) -> Vec<Thing> {
        let on = |thing: &&Thing| thing.server == server;
        self.look(|page| page.things.keys().filter(on).cloned().collect())
    }

    /// Waits until nobody else of this pass writes what the three servers have in common.
    pub(crate) async fn turn(&self) -> sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Writes down what is about to be made. No write if all of it is.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn intend(
        &self,
        cx: &Context,
        p: &ValidatedPlatform,
        things: &[Thing],
    ) -> Result<(), StepError> {
        self.change(cx, p, |ledger| {
            for thing in things {
                ledger.entry(thing.clone()).or_insert(false);
            }
        })
        .await
    }

    /// Writes down that everything on the server is there. No write if that is so.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn made(
        &self,
        cx: &Context,
        p: &ValidatedPlatform,
        server: Server,
    ) -> Result<(), StepError> {
        self.change(cx, p, |ledger| {
            let on = ledger
                .iter_mut()
                .filter(|(thing, _)| thing.server == server);
            on.for_each(|(_, made)| *made = true);
        })
        .await
    }

    /// Strikes out what is no longer there.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn dropped(
        &self,
        cx: &Context,
        p: &ValidatedPlatform,
        things: &[Thing],
    ) -> Result<(), StepError> {
        self.change(cx, p, |ledger| {
            ledger.retain(|thing, _| !things.contains(thing));
        })
        .await
    }

    /// Compare-and-swap: on a conflict, with another leader, the ledger is read again and changed again.
    async fn change(
        &self,
        cx: &Context,
        p: &ValidatedPlatform,
        change: impl Fn(&mut BTreeMap<Thing, bool>),
    ) -> Result<(), StepError> {
        let name = name(p);
        let _turn = self.turn().await;
        let mut attempts = 0..ATTEMPTS;
        loop {
            let before = self.look(|page| page.clone());
            let mut things = before.things.clone();
            change(&mut things);
            if things == before.things {
                return Ok(());
            }
            let mut object = object(p, &things);
            let done = match &before.metadata {
                None => api(cx, p).create(&PostParams::default(), &object).await,
                Some(found) => {
                    let what = format!("ConfigMap {}/{name}", p.namespace);
                    require_ours(&what, found, &object.metadata)?;
                    object
                        .metadata
                        .resource_version
                        .clone_from(&found.resource_version);
                    api(cx, p)
                        .replace(&name, &PostParams::default(), &object)
                        .await
                }
            };
            match done {
                Ok(written) => {
                    let metadata = Some(written.metadata);
                    self.look(|page| *page = Page { things, metadata });
                    return Ok(());
                }
                Err(kube::Error::Api(status))
                    if matches!(status.code, 404 | 409) && attempts.next().is_some() =>
                {
                    let found = Page::read(cx, p).await?;
                    self.look(|page| *page = found);
                }
                Err(error) => return Err(refused(&name, &error)),
            }
        }
    }

    fn look<T>(&self, work: impl FnOnce(&mut Page) -> T) -> T {
        // Whoever panicked has replaced all of it or nothing.
        work(&mut self.page.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn name(p: &ValidatedPlatform) -> String {
    format!("{}-external", p.name)
}

fn api(cx: &Context, p: &ValidatedPlatform) -> Api<ConfigMap> {
    Api::namespaced(cx.client.clone(), &p.namespace)
}

/// What a ledger names, each with whether it was made.
///
/// # Errors
/// When it is damaged.
pub(crate) fn entries(ledger: &ConfigMap) -> serde_json::Result<BTreeMap<Thing, bool>> {
    let text = ledger.data.as_ref().and_then(|data| data.get(LEDGER));
    parse(text.map_or("[]", String::as_str))
}

fn parse(text: &str) -> serde_json::Result<BTreeMap<Thing, bool>> {
    let entries: Vec<Entry> = serde_json::from_str(text)?;
    let pairs = entries
        .into_iter()
        .map(|entry| (entry.thing, entry.created));
    Ok(pairs.collect())
}

fn text(things: &BTreeMap<Thing, bool>) -> String {
    let entries: Vec<Entry> = things
        .iter()
        .map(|(thing, created)| Entry {
            thing: thing.clone(),
            created: *created,
        })
        .collect();
    // One line each: a person reads this when a server is gone.
    let lines = entries
        .iter()
        .filter_map(|entry| serde_json::to_string(entry).ok());
    format!("[\n{}\n]\n", lines.collect::<Vec<_>>().join(",\n"))
}

fn object(p: &ValidatedPlatform, things: &BTreeMap<Thing, bool>) -> ConfigMap {
    ConfigMap {
        metadata: metadata(p, name(p), None),
        data: Some(BTreeMap::from([(LEDGER.to_owned(), text(things))])),
        ..ConfigMap::default()
    }
}

/// A ledger that cannot be read.
pub(in crate::platform) fn damaged(name: &str, error: &serde_json::Error) -> StepError {
    StepError::transient(
        Reason::ApplyRefused,
        format!(
            "ConfigMap {name}, the ledger, is damaged ({error}): restore its key {LEDGER}, or delete the ConfigMap to have \
             it written again from what bears this Platform's marker"
        ),
    )
}

fn refused(name: &str, error: &kube::Error) -> StepError {
    StepError::of_kube(&format!("ConfigMap {name}, the ledger"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_is_read_back() {
        let things = BTreeMap::from([
            (Thing::new(Server::Postgres, Kind::Database, "demo"), true),
            (
                Thing::new(Server::Kafka, Kind::Topic, "demo.task-events"),
                false,
            ),
        ]);
        let stored = text(&things);
        assert!(
            stored.contains(
                r#"{"server":"postgres","kind":"database","name":"demo","created":true}"#
            ),
            "{stored}"
        );
        assert_eq!(parse(&stored).unwrap(), things);
        assert_eq!(parse("[]").unwrap(), BTreeMap::new());
        assert!(parse("{").is_err());
    }
}
