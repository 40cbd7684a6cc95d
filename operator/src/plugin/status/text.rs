//! How a Platform stands, for people. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Answer, Load};
use crate::plugin::{
    output::{Paint, or_none, table, visible},
    time::{age, relative},
};

/// Characters of a kid that people tell keys apart by.
const SHORT: usize = 12;

/// The whole answer, the line that somebody has to read first.
pub(super) fn of(answer: &Answer, paint: Paint, now: Timestamp) -> String {
    let mut text = head(answer, paint, now);
    if !answer.status.conditions.is_empty() {
        text.push('\n');
        let told = answer.status.waiting_on.as_ref();
        let told = told.map(|waits| waits.message.as_str());
        text.push_str(&conditions(&answer.status.conditions, told, now));
    }
    if !answer.status.roles.is_empty() {
        text.push('\n');
        text.push_str(&roles(answer));
    }
    text.push('\n');
    for (name, value) in rest(answer, now) {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{name:<15}{}", visible(&value));
    }
    for line in &answer.not_readable {
        let line = format!("not readable: {}", visible(line));
        let _ = writeln!(text, "{}", paint.dim(&line));
    }
    text
}

/// Whether it is Ready; if not, what it waits for.
fn head(answer: &Answer, paint: Paint, now: Timestamp) -> String {
    let Answer {
        namespace,
        name,
        status,
        ..
    } = answer;
    let mut text = String::new();
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    let mut what = format!("Platform {namespace}/{name} is ");
    what.push_str(match (answer.ready, answer.deleting) {
        (_, true) => "being deleted",
        (true, false) => "Ready",
        (false, false) => "not Ready",
    });
    if let Some(version) = &status.version {
        let _ = write!(what, ", version {version}");
    }
    line(&if answer.ready && !answer.deleting {
        paint.green(&visible(&what))
    } else {
        paint.red(&visible(&what))
    });
    if let Some(waits) = &status.waiting_on {
        line(&paint.red(&visible(&format!("{}: {}", waits.reason, waits.message))));
        let next = waits.next_action_time.as_ref().map_or_else(
            || "not by itself: something has to change first".to_owned(),
            |at| relative(at, now),
        );
        let tried = match waits.attempts {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        };
        line(&visible(&format!(
            "since {}, tried {tried}, next look {next}; about this reason: {}",
            age(&waits.since, now),
            waits.documentation.clone().unwrap_or_else(|| {
                // As an operator tells it that was given no other place.
                format!("docs/reasons/{}.md", waits.reason)
            })
        )));
    }
    if answer.suspended {
        line(&paint.yellow("the operator leaves it alone: spec.suspend is true"));
    }
    match status.observed_generation {
        None => line(&paint.red(
            "the operator has not looked at it yet. Look whether one runs: kubectl get deployments --all-namespaces \
             --selector app.kubernetes.io/part-of=crewdeck,app.kubernetes.io/component=operator",
        )),
        Some(seen) if seen < answer.generation => line(&paint.yellow(&format!(
            "the operator has not looked at the last change yet: what follows is about generation {seen} of {}",
            answer.generation
        ))),
        Some(_) => {}
    }
    text
}

/// The conditions in short: in words only where one is not as it should be, and says more than was `told`.
fn conditions(conditions: &[Condition], told: Option<&str>, now: Timestamp) -> String {
    let rows: Vec<[String; 5]> = conditions
        .iter()
        .map(|condition| {
            let wanted = match condition.type_.as_str() {
                "Reconciling" | "Stalled" => "False",
                _ => "True",
            };
            let fine = condition.status == wanted && condition.reason == "Ready";
            let message = condition.message.as_str();
            [
                condition.type_.clone(),
                condition.status.clone(),
                condition.reason.clone(),
                age(&condition.last_transition_time, now),
                if fine || told == Some(message) {
                    ""
                } else {
                    message
                }
                .to_owned(),
            ]
        })
        .collect();
    table(["CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"], &rows)
}

fn roles(answer: &Answer) -> String {
    let rows: Vec<[String; 4]> = answer
        .status
        .roles
        .iter()
        .map(|role| {
            let waits = answer.load.iter().filter(|load| load.role == role.role);
            let waits: Vec<String> = waits.map(Load::words).collect();
            [
                role.role.clone(),
                format!("{}/{}", role.ready, role.desired),
                or_none(role.version.as_deref()),
                waits.join(", "),
            ]
        })
        .collect();
    table(["ROLE", "READY", "VERSION", "WAITS"], &rows)
}

/// Keys, logins, topics, migration, the last Event: a line each.
fn rest(answer: &Answer, now: Timestamp) -> Vec<(&'static str, String)> {
    let status = &answer.status;
    let active = status.signing_keys.iter().find(|key| key.phase == "Active");
    let active = active.map_or_else(
        || "none is active".to_owned(),
        |key| format!("{} signs", key.kid.chars().take(SHORT).collect::<String>()),
    );
    let next = status.next_rotation_time.as_ref().map_or_else(
        || "no date for the next one".to_owned(),
        |at| format!("the next one takes over {}", relative(at, now)),
    );
    let draining: Vec<&str> = status
        .credentials
        .iter()
        .filter(|login| login.phase == "Draining")
        .map(|login| login.client.as_str())
        .collect();
    let draining = match draining.len() {
        0 => "none draining".to_owned(),
        count => format!("{count} draining: {}", draining.join(", ")),
    };
    let mut lines = vec![
        ("Signing keys", format!("{active}; {next}")),
        (
            "Logins",
            format!("{}, {draining}", status.credentials.len()),
        ),
    ];
    if let Some(topics) = &status.topics {
        let behind = match topics.under_replicated {
            0 => String::new(),
            count => format!(", {count} partitions are under-replicated"),
        };
        lines.push(("Topics", format!("{} ready{behind}", topics.summary)));
    }
    if let Some(migration) = &status.migration {
        let version = migration.version.as_deref();
        let done = version.map_or_else(
            || "none is done yet".to_owned(),
            |version| format!("{version} is applied"),
        );
        lines.push(("Migration", format!("{done}; Job {}", migration.job)));
    }
    if let Some(event) = &answer.last_event {
        let when = relative(&event.time, now);
        lines.push((
            "Last Event",
            format!(
                "{when}, {} {}: {}",
                event.type_, event.reason, event.message
            ),
        ));
    }
    lines
}
