//! `kubectl crewdeck status`: what the Platform waits for, with its remedy; then how it stands.

mod load;
mod text;

use crds::{Platform, PlatformStatus};
use kube::ResourceExt as _;
use serde::Serialize;

use self::load::Load;
use super::{
    Error,
    events::{self, Told},
    find,
    output::{Output, or_none, table},
    session::Session,
    time::age,
};

/// Which Platform.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
First comes what the Platform waits for, with the remedy, then its conditions, roles, keys,
logins, topics and migration. Without NAME, a namespace of several Platforms gives a list of
them.

Exit code 0 when Ready; 3 when not, or when the operator has not yet looked at the last change
of the spec; 1 when it cannot be found out. How long work waits is asked of the pods through the
API server (get on pods/proxy).

Examples:
  kubectl crewdeck status
  kubectl crewdeck status demo --namespace crewdeck
  until kubectl crewdeck status demo; do sleep 5; done
  kubectl crewdeck status demo -o json | jq -r .waitingOn.message")]
pub(super) struct Args {
    /// Name of the Platform [default: the only one of the namespace]
    name: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    namespace: String,
    name: String,
    /// Whether it is Ready for the spec as it is now.
    ready: bool,
    suspended: bool,
    /// Whether it is being deleted.
    deleting: bool,
    /// Of the spec as it is now.
    generation: i64,
    #[serde(flatten)]
    status: PlatformStatus,
    /// The last Event; absent when there is none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event: Option<Told>,
    /// How long work waits.
    load: Vec<Load>,
    /// What could not be read, and why.
    not_readable: Vec<String>,
}

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = if args.name.is_some() {
        find::platform(session, args.name.as_deref()).await?
    } else {
        let mut all = find::platforms(session).await?;
        match all.len() {
            0 => return Err(find::none(session).await),
            1 => all.swap_remove(0),
            _ => return list(&all, session, out),
        }
    };
    let answer = answer(platform, session).await;
    out.answer(&answer, |paint| text::of(&answer, paint, session.now()))?;
    verdict(answer.ready)
}

fn verdict(ready: bool) -> Result<(), Error> {
    if ready { Ok(()) } else { Err(Error::NotReady) }
}

async fn answer(platform: Platform, session: &Session) -> Answer {
    let mut not_readable = Vec::new();
    let told = events::told(session).await.unwrap_or_else(|error| {
        not_readable.push(format!("Events: {error}"));
        Vec::new()
    });
    let last_event = told
        .into_iter()
        .rfind(|event| event.uid == platform.metadata.uid);
    let load = load::of(session, &platform.name_any())
        .await
        .unwrap_or_else(|error| {
            not_readable.push(format!("how long work waits: {error}"));
            Vec::new()
        });
    Answer {
        namespace: session.namespace.clone(),
        name: platform.name_any(),
        ready: is_ready(&platform),
        suspended: platform.spec.suspend,
        deleting: platform.metadata.deletion_timestamp.is_some(),
        generation: platform.metadata.generation.unwrap_or_default(),
        status: platform.status.unwrap_or_default(),
        last_event,
        load,
        not_readable,
    }
}

/// Whether the Platform is Ready, and the operator means the spec as it is now.
fn is_ready(platform: &Platform) -> bool {
    let conditions = platform.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| {
        condition.type_ == "Ready"
            && condition.status == "True"
            && condition.observed_generation >= platform.metadata.generation
    })
}

/// One Platform of several.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    ready: bool,
    version: Option<String>,
    waiting_on: Option<crds::WaitingOn>,
}

/// The Platforms to choose from.
fn list(all: &[Platform], session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let lines = all.iter().map(|platform| {
        let status = platform.status.clone().unwrap_or_default();
        Line {
            name: platform.name_any(),
            ready: is_ready(platform),
            version: status.version,
            waiting_on: status.waiting_on,
        }
    });
    let lines: Vec<Line> = lines.collect();
    let now = session.now();
    out.answer(&lines, |_| {
        let rows: Vec<[String; 5]> = lines
            .iter()
            .map(|line| {
                let waits = line.waiting_on.as_ref();
                [
                    line.name.clone(),
                    if line.ready { "True" } else { "False" }.to_owned(),
                    or_none(line.version.as_deref()),
                    or_none(waits.map(|waits| waits.reason.as_str())),
                    or_none(waits.map(|waits| age(&waits.since, now)).as_deref()),
                ]
            })
            .collect();
        table(["NAME", "READY", "VERSION", "WAITING-ON", "SINCE"], &rows)
    })?;
    verdict(lines.iter().all(|line| line.ready))
}
