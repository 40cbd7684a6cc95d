//! `kubectl crewdeck credentials`: the logins of the roles, and their rotation.

use crds::{CredentialStatus, Platform};
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;

use super::{
    Error,
    change::{OWNERS, change},
    find,
    output::{Output, or_none, table},
    session::Session,
    time::relative,
};

/// Which Platform, and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("\
A login is Active, or Draining while the former one still ends: MESSAGE tells what that waits
for. EPOCH is the generation of the login's Secret, which each pod that uses it reports.
--rotate makes new logins on one server now; no request fails meanwhile, and the former ones end
when no pod and no session uses them.

{OWNERS}

Examples:
  kubectl crewdeck credentials
  kubectl crewdeck credentials demo --rotate database
  kubectl crewdeck credentials demo -o json | jq '.credentials[] | {{client, phase}}'"))]
pub(super) struct Args {
    /// Name of the Platform [default: the only one of the namespace]
    name: Option<String>,
    /// Rotate before the date: raises credentials.rotation of that server by one
    #[arg(long, value_enum, value_name = "SERVER")]
    rotate: Option<Server>,
}

/// Where logins are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Server {
    /// PostgreSQL
    Database,
    /// Redis
    Redis,
    /// Kafka
    Events,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    namespace: &'a str,
    name: String,
    credentials: &'a [CredentialStatus],
}

/// Does it.
pub(super) async fn run(args: &Args, session: &Session, out: &mut Output<'_>) -> Result<(), Error> {
    let platform = find::platform(session, args.name.as_deref()).await?;
    match args.rotate {
        Some(server) => rotate(session, &platform, server, out).await,
        None => list(session, &platform, out),
    }
}

fn list(session: &Session, platform: &Platform, out: &mut Output<'_>) -> Result<(), Error> {
    let status = platform.status.as_ref();
    let answer = Answer {
        namespace: &session.namespace,
        name: platform.name_any(),
        credentials: status.map_or(&[], |status| status.credentials.as_slice()),
    };
    let now = session.now();
    out.answer(&answer, |_| {
        let rows: Vec<[String; 5]> = answer
            .credentials
            .iter()
            .map(|login| {
                let issued = login.issued_at.as_ref().map(|at| relative(at, now));
                [
                    login.client.clone(),
                    login.epoch.to_string(),
                    or_none(Some(&login.phase)),
                    or_none(issued.as_deref()),
                    login.message.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(["CLIENT", "EPOCH", "PHASE", "ISSUED", "MESSAGE"], &rows)
    })
}

async fn rotate(
    session: &Session,
    platform: &Platform,
    server: Server,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let spec = &platform.spec;
    let (field, credentials) = match server {
        Server::Database => (
            "database.credentials.rotation",
            Some(spec.database.credentials),
        ),
        Server::Redis => ("redis.credentials.rotation", Some(spec.redis.credentials)),
        Server::Events => (
            "events.kafka.credentials.rotation",
            spec.events.kafka.as_ref().map(|kafka| kafka.credentials),
        ),
    };
    let Some(credentials) = credentials else {
        return Err(Error::refused(
            "the events of this Platform are on no server with logins of their own",
        ));
    };
    let rotation = credentials.rotation.saturating_add(1);
    // From the innermost field outwards.
    let patch = field
        .rsplit('.')
        .fold(json!(rotation), |inner, name| json!({name: inner}));
    change(session, platform, patch).await?;
    let name = platform.name_any();
    let namespace = &session.namespace;
    let answer = json!({"namespace": namespace, "name": name, "field": format!("spec.{field}"), "rotation": rotation});
    out.answer(&answer, |_| {
        format!(
            "spec.{field} of Platform {namespace}/{name} is {rotation}: new logins are made, and the former ones end when \
             nobody uses them. Watch it with: kubectl crewdeck credentials {name} --namespace {namespace}\n"
        )
    })
}
