//! The ledger `P-external`: what was made, or was about to be made, on the servers. It is written before each act, and
//! it is the list that deletion goes by.

use std::{collections::BTreeMap, fmt};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, PostParams};
use serde::{Deserialize, Serialize};

use crate::platform::{
    Context, StepError, apply::kube::require_ours, metadata::metadata, validate::ValidatedPlatform,
};
use crds::{FORCE_RELEASE_ANNOTATION, Reason};

/// Key of the ConfigMap, which nothing but a ledger has.
pub(crate) const LEDGER: &str = "ledger.json";
/// Writers of the three servers may meet; each change is small, so few attempts are enough.
const ATTEMPTS: usize = 8;

/// The server that a thing is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// Kafka.
    Kafka,
}

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A database.
    Database,
    /// A role that cannot log in.
    Role,
    /// A login.
    Login,
    /// The keys under a prefix.
    Namespace,
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A principal without a login whose rights mark what is ours.
    Marker,
}

/// Something outside of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thing {
    /// Where it is.
    pub server: Server,
    /// What it is.
    pub kind: Kind,
    /// Its name there.
    pub name: String,
}

impl Thing {
    /// A thing.
    #[must_use]
    pub fn new(server: Server, kind: Kind, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { server, kind, name }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Database => "database",
            Kind::Role => "role",
            Kind::Login => "login",
            Kind::Namespace => "keys of",
            Kind::Topic => "topic",
            Kind::Group => "consumer group",
            Kind::Marker => "marker",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// `database demo, login demo_app_a`.
#[must_use]
pub fn list<'a>(things: impl IntoIterator<Item = &'a Thing>) -> String {
    let names: Vec<String> = things.into_iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// How many of the things of a ledger are told where room is short: more than any Platform has by itself.
const MOST_TOLD: usize = 64;

/// The same as [`list`], but for those beyond what is ever made, which are counted: a ledger can be edited by hand.
#[must_use]
fn told(things: &[Thing]) -> String {
    let some = things.iter().take(MOST_TOLD);
    match things.len().saturating_sub(MOST_TOLD) {
        0 => list(some),
        more => format!(
            "{}, and {more} more, which the operator's log tells when it lets go",
            list(some)
        ),
    }
}

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

/// The things, each with whether it was made (`true`) or meant to be made (`false`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    things: BTreeMap<Thing, bool>,
    /// Of the ConfigMap; `None` while there is none.
    metadata: Option<ObjectMeta>,
}

impl Ledger {
    /// Reads the ledger; an absent one is empty.
    ///
    /// # Errors
    /// When the API server refuses, or the ledger is damaged: then nothing may be made or dropped by it.
    pub async fn read(cx: &Context, p: &ValidatedPlatform) -> Result<Self, StepError> {
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

    /// Whether the thing is written down.
    #[must_use]
    pub fn knows(&self, thing: &Thing) -> bool {
        self.things.contains_key(thing)
    }

    /// What is written down for a server.
    #[must_use]
    pub fn on(&self, server: Server) -> Vec<Thing> {
        let on = |thing: &&Thing| thing.server == server;
        self.things.keys().filter(on).cloned().collect()
    }

    /// Writes down what is about to be made. No write if all of it is.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn intend(
        &mut self,
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
        &mut self,
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
        &mut self,
        cx: &Context,
        p: &ValidatedPlatform,
        things: &[Thing],
    ) -> Result<(), StepError> {
        self.change(cx, p, |ledger| {
            ledger.retain(|thing, _| !things.contains(thing));
        })
        .await
    }

    /// Compare-and-swap: on a conflict the ledger is read again and changed again.
    async fn change(
        &mut self,
        cx: &Context,
        p: &ValidatedPlatform,
        change: impl Fn(&mut BTreeMap<Thing, bool>),
    ) -> Result<(), StepError> {
        let name = name(p);
        let mut attempts = 0..ATTEMPTS;
        loop {
            let mut things = self.things.clone();
            change(&mut things);
            if things == self.things {
                return Ok(());
            }
            let mut object = object(p, &things);
            let done = match &self.metadata {
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
                    self.things = things;
                    self.metadata = Some(written.metadata);
                    return Ok(());
                }
                Err(kube::Error::Api(status))
                    if matches!(status.code, 404 | 409) && attempts.next().is_some() =>
                {
                    *self = Self::read(cx, p).await?;
                }
                Err(error) => return Err(refused(&name, &error)),
            }
        }
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
