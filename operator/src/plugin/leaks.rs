//! `kubectl crewdeck leaks`: what was left on servers, as far as Kubernetes knows.

use std::{collections::BTreeMap, fmt::Write as _};

use crds::Platform;
use k8s_openapi::{
    api::core::v1::ConfigMap,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use kube::{Api, ResourceExt as _, api::ListParams};
use serde::Serialize;

use super::{
    Error,
    error::Asked,
    events::{self, Told},
    find,
    output::{Output, table, visible},
    session::Session,
    time::relative,
};
use crate::platform::apply::ledger::{LEDGER, Thing, entries};

/// Of which Platform.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The operator writes each thing that it makes on a server into the ledger, ConfigMap
NAME-external, before it makes it. This command reads the ledgers and the Events of the
namespace and tells:

  Orphaned    the ledger is there, its Platform is not: nobody will drop these things any more
  Releasing   the Platform is being deleted; forced now, these would be left
  Events      what a forced release named (LeftBehind), and what deletionPolicy kept (Retained)

It cannot know more: it never asks a server. The ledger goes with its Platform, and Events are
kept for an hour unless the cluster is set otherwise. After that, the operator's log has the
words \"released by force\", and the names on the servers begin with NAMESPACE-NAME-HASH (on
PostgreSQL with _ for -). A namespace that was deleted takes ledger and Events with it.

Examples:
  kubectl crewdeck leaks
  kubectl crewdeck leaks demo -o json | jq -r '.things[] | \"\\(.server) \\(.kind) \\(.name)\"'")]
pub(super) struct Args {
    /// Only what a Platform of this name left
    name: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Answer {
    namespace: String,
    /// What a ledger names.
    things: Vec<Held>,
    /// What Events name, oldest first.
    events: Vec<Told>,
}

/// A thing on a server.
#[derive(Debug, Serialize)]
struct Held {
    platform: String,
    state: State,
    #[serde(flatten)]
    thing: Thing,
    /// Whether it was made; else it was about to be.
    created: bool,
}

/// Who looks after the things of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum State {
    /// Nobody.
    Orphaned,
    /// The operator, which is letting them go.
    Releasing,
}

/// Reasons of the Events that tell of leaks.
const REASONS: [&str; 2] = ["LeftBehind", "Retained"];

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let wanted = |name: &str| args.name.as_deref().is_none_or(|wanted| wanted == name);
    let platforms = find::platforms(session).await?;
    let mut things = Vec::new();
    for ledger in ledgers(session).await? {
        let Some((name, state)) = state(&ledger.metadata, &platforms) else {
            continue;
        };
        if !wanted(&name) {
            continue;
        }
        let entries = entries(&ledger).map_err(|error| {
            Error::refused(format!(
                "ConfigMap {}/{} is a damaged ledger ({error}); look at it with: kubectl get configmap {} --namespace {} -o yaml",
                session.namespace, ledger.name_any(), ledger.name_any(), session.namespace
            ))
        })?;
        things.extend(entries.into_iter().map(|(thing, created)| Held {
            platform: name.clone(),
            state,
            thing,
            created,
        }));
    }
    let mut events = events::told(session).await?;
    events.retain(|event| REASONS.contains(&event.reason.as_str()) && wanted(&event.platform));
    let answer = Answer {
        namespace: session.namespace.clone(),
        things,
        events,
    };
    out.answer(&answer, |_| text(&answer, session))
}

/// The ledgers of the namespace.
async fn ledgers(session: &Session) -> Result<Vec<ConfigMap>, Error> {
    let maps: Api<ConfigMap> = Api::namespaced(session.client.clone(), &session.namespace);
    let ours = ListParams::default().labels("app.kubernetes.io/part-of=crewdeck");
    let list = maps.list(&ours).await.map_err(|error| {
        let asked = Asked {
            verb: "list",
            resource: "configmaps",
            namespace: &session.namespace,
        };
        asked.failed(&error)
    })?;
    let is_ledger = |map: &ConfigMap| map.data.iter().any(|data| data.contains_key(LEDGER));
    Ok(list.items.into_iter().filter(is_ledger).collect())
}

/// The Platform that a ledger is of, and whether it looks after its things; `None` when it does.
fn state(ledger: &ObjectMeta, platforms: &[Platform]) -> Option<(String, State)> {
    let labels: &BTreeMap<String, String> = ledger.labels.as_ref()?;
    let name = labels.get("app.kubernetes.io/instance")?;
    let holder = platforms.iter().find(|platform| {
        let mut owners = ledger.owner_references.iter().flatten();
        // One of the same name that was made since is another one. A ledger that was put back from a backup has no owner.
        platform.name_any() == *name
            && (ledger.owner_references.is_none()
                || owners.any(|owner| Some(&owner.uid) == platform.metadata.uid.as_ref()))
    });
    let state = match holder {
        None => State::Orphaned,
        Some(platform) => {
            platform.metadata.deletion_timestamp.as_ref()?;
            State::Releasing
        }
    };
    Some((name.clone(), state))
}

fn text(answer: &Answer, session: &Session) -> String {
    if answer.things.is_empty() && answer.events.is_empty() {
        return format!(
            "Nothing is known to be left by Platforms of namespace {}. What this cannot know: kubectl crewdeck leaks --help\n",
            answer.namespace
        );
    }
    let mut text = String::new();
    if !answer.things.is_empty() {
        let rows: Vec<[String; 5]> = answer
            .things
            .iter()
            .map(|held| {
                let made = if held.created { "" } else { " (perhaps)" };
                [
                    held.platform.clone(),
                    format!("{:?}", held.state),
                    word(&held.thing.server),
                    word(&held.thing.kind),
                    format!("{}{made}", held.thing.name),
                ]
            })
            .collect();
        text.push_str(&table(
            ["PLATFORM", "STATE", "SERVER", "KIND", "NAME"],
            &rows,
        ));
    }
    if !answer.things.is_empty() && !answer.events.is_empty() {
        text.push('\n');
    }
    for event in &answer.events {
        let at: &Time = &event.time;
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{} {}, Platform {}: {}",
            event.reason,
            relative(at, session.now()),
            event.platform,
            visible(&event.message)
        );
    }
    text
}

/// A word as the ledger has it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
