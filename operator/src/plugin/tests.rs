//! Every command against an API server in memory, with golden files of what it says in both formats.

mod credentials;
mod errors;
mod grant;
mod keys;
mod leaks;
mod logs;
mod plan;
mod report;
mod status;

use std::{fmt::Write as _, sync::Arc};

use chrono::DateTime;
use clap::Parser as _;
use common_clock::ManualClock;
use serde_json::{Value, json};

use super::{Args, Error, Output, Session, Terminal, answer};
use crate::{platform::validate::sample, testing::Api};

/// Where Platforms are.
const PLATFORMS: &str = "/apis/crewdeck.io/v1beta1/namespaces/crewdeck/platforms";
/// Three keys; two of them begin alike.
const ACTIVE: &str = "Zk3vb1-8LpQaT0c2Wm5xYd7eRf9gHj4kNn6oPs1uVw0";
const PUBLISHED: &str = "Zk3x91aaQaT0c2Wm5xYd7eRf9gHj4kNn6oPs1uVw0zz";
const RETIRING: &str = "-a1vb1-8LpQaT0c2Wm5xYd7eRf9gHj4kNn6oPs1uVw0";

#[derive(clap::Parser)]
#[command(name = "kubectl crewdeck", version)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

/// What a command said.
struct Said {
    out: Vec<u8>,
    notes: String,
    outcome: Result<(), Error>,
}

impl Said {
    fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("UTF-8")
    }

    /// The words of the error that there has to be.
    fn refusal(&self) -> String {
        self.outcome.as_ref().expect_err("refused").to_string()
    }
}

/// Runs a command of one line as somebody who says `person`, if there is somebody.
async fn as_person(api: &Api, line: &str, person: Option<&str>) -> Said {
    let words = std::iter::once("kubectl-crewdeck").chain(line.split(' '));
    let Cli { args } = Cli::try_parse_from(words).expect("a command");
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
    let session = Session {
        client: api.client(),
        namespace: args
            .global
            .namespace
            .clone()
            .unwrap_or("crewdeck".to_owned()),
        clock: Arc::new(ManualClock::new(now)),
    };
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let mut person = person.map(str::as_bytes);
    let terminal = Terminal {
        out: &mut out,
        notes: &mut notes,
        colours: false,
        person: person
            .as_mut()
            .map(|person| person as &mut dyn std::io::BufRead),
    };
    let output = Output::new(terminal, args.global.output);
    let outcome = answer(&args.command, &session, output).await;
    Said {
        out,
        notes: String::from_utf8(notes).expect("UTF-8"),
        outcome,
    }
}

/// Runs a command of one line where nobody sits.
async fn ask(api: &Api, line: &str) -> Said {
    as_person(api, line, None).await
}

/// Compares what a command says in both formats with a file.
async fn golden(name: &str, line: &str, api: impl Fn() -> Api) {
    let mut text = String::new();
    for line in [line.to_owned(), format!("{line} -o json")] {
        let said = ask(&api(), &line).await;
        let _ = write!(
            text,
            "$ kubectl crewdeck {line}\n{}{}",
            said.notes,
            said.text()
        );
        if let Err(error) = said.outcome {
            let _ = writeln!(text, "error: {error}");
        }
    }
    insta::with_settings!({omit_expression => true}, {
        insta::assert_snapshot!(name, text);
    });
}

/// A time so many seconds before now.
fn ago(seconds: i64) -> String {
    let at = DateTime::from_timestamp(1_800_000_000 - seconds, 0).expect("in range");
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A Platform of this name of which the operator has told nothing yet.
fn platform(name: &str) -> Value {
    let mut platform = json!(sample::platform());
    platform["metadata"]["name"] = json!(name);
    platform["metadata"]["resourceVersion"] = json!("1");
    platform["metadata"]["generation"] = json!(3);
    platform["metadata"]["creationTimestamp"] = json!(ago(90_000));
    platform
}

fn condition(type_: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": type_, "status": status, "reason": reason, "message": message,
        "observedGeneration": 3, "lastTransitionTime": ago(86_400),
    })
}

/// The Platform `demo` as it is when all is well.
fn ready() -> Value {
    let mut platform = platform("demo");
    let role = |role: &str, desired: i32| json!({"role": role, "desired": desired, "ready": desired, "version": "0.1.0"});
    let login = |client: &str| json!({"client": client, "login": "demo_app_b", "epoch": 1_799_990_000, "phase": "Active", "issuedAt": ago(10_000)});
    platform["status"] = json!({
        "observedGeneration": 3,
        "version": "0.1.0",
        "conditions": [
            condition("Ready", "True", "Ready", "every role runs the wanted version"),
            condition("Reconciling", "False", "Ready", "nothing is being done"),
            condition("Stalled", "False", "Ready", "nobody has to act"),
            condition("CredentialsReady", "True", "CredentialPropagation", "db-app has a new login"),
        ],
        "roles": [role("web", 2), role("worker", 1), role("analytics", 1)],
        "signingKeys": [
            {"kid": RETIRING, "phase": "Retiring", "publishedAt": ago(200_000), "activatedAt": ago(100_000), "quietAt": ago(90)},
            {"kid": ACTIVE, "phase": "Active", "publishedAt": ago(100_000), "activatedAt": ago(400)},
            {"kid": PUBLISHED, "phase": "Published", "publishedAt": ago(300), "acknowledged": "5/6"},
        ],
        "nextRotationTime": ago(-1_000_000),
        "credentials": [
            login("db-app"),
            {"client": "redis-app", "login": "demo:app-b", "epoch": 1_799_999_000, "phase": "Draining", "issuedAt": ago(1_000),
             "message": "demo:app may still be used by demo-web-6d5f9c8b7-x7k2p"},
        ],
        "topics": {"ready": 8, "wanted": 8, "summary": "8/8", "underReplicated": 0},
        "migration": {"version": "0.1.0", "job": "demo-migrate-0a1b2c3d"},
    });
    platform
}

/// A server with these Platforms.
fn server(platforms: &[Value]) -> Api {
    let api = Api::default();
    for platform in platforms {
        let name = platform["metadata"]["name"].as_str().expect("a name");
        api.insert(&format!("{PLATFORMS}/{name}"), platform.clone());
    }
    api
}

/// A pod of the Platform `demo`, and its log.
fn pod(api: &Api, component: &str, suffix: &str, seconds: i64, log: &str) {
    let name = format!("demo-{component}-{suffix}");
    let path = format!("/api/v1/namespaces/crewdeck/pods/{name}");
    api.insert(
        &path,
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": "crewdeck", "uid": name, "creationTimestamp": ago(seconds),
                "labels": {
                    "app.kubernetes.io/part-of": "crewdeck",
                    "app.kubernetes.io/instance": "demo",
                    "app.kubernetes.io/component": component,
                },
            },
            "status": {"containerStatuses": [{
                "name": "crewdeck", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            }]},
        }),
    );
    if !log.is_empty() {
        api.insert(&format!("{path}/log"), json!(log));
    }
}

/// An Event of the Platform `demo`.
fn event(api: &Api, uid: &str, seconds: i64, reason: &str, message: &str) {
    api.insert(
        &format!("/api/v1/namespaces/crewdeck/events/demo.{seconds}"),
        json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("demo.{seconds}"), "namespace": "crewdeck", "creationTimestamp": ago(seconds)},
            "involvedObject": {"kind": "Platform", "name": "demo", "namespace": "crewdeck", "uid": uid},
            "eventTime": format!("{}.000000Z", ago(seconds).trim_end_matches('Z')),
            "type": "Normal", "reason": reason, "message": message,
        }),
    );
}

/// The uid of the Platforms here.
fn uid() -> String {
    sample::platform().metadata.uid.expect("a uid")
}

/// Every command that a page or a help text shows is one.
#[test]
fn what_is_documented_can_be_typed() {
    let page = include_str!("../../../docs/operator/kubectl.md");
    let mut texts = vec![page.to_owned()];
    let mut command = <Cli as clap::CommandFactory>::command();
    texts.push(command.render_long_help().to_string());
    texts.extend(
        command
            .get_subcommands_mut()
            .map(|sub| sub.render_long_help().to_string()),
    );
    let mut count = 0;
    for line in texts.iter().flat_map(|text| text.lines()) {
        let line = line
            .trim()
            .trim_start_matches("$ ")
            .trim_start_matches("until ");
        let Some(rest) = line.strip_prefix("kubectl crewdeck ") else {
            continue;
        };
        // Up to what follows: another command, or a word about this one.
        let end = ["  ", " | ", ";", " > "]
            .iter()
            .filter_map(|end| rest.find(end))
            .min();
        let mut words = vec!["kubectl-crewdeck".to_owned()];
        for (at, part) in rest[..end.unwrap_or(rest.len())].split('"').enumerate() {
            if at % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        if let Err(error) = Cli::try_parse_from(&words) {
            let asks = matches!(error.kind(), clap::error::ErrorKind::DisplayHelp);
            assert!(asks, "{line}: {error}");
        }
        count += 1;
    }
    assert!(count > 20, "only {count}");
}
