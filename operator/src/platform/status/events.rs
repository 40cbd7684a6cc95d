//! Events: one for each transition of a condition, of a signing key and of a login.

mod rotation;

use crds::{ConditionType, Platform, PlatformStatus, Reason};
use kube::{
    Resource as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use super::write::page;
use crate::platform::{Context, metadata::FIELD_MANAGER};

/// Bytes of a note; an Event holds 1,024.
const LONGEST: usize = 1_000;

/// Tells the transitions between two statuses.
pub async fn publish(
    cx: &Context,
    platform: &Platform,
    before: &PlatformStatus,
    after: &PlatformStatus,
) {
    for (type_, reason, note) in transitions(before, after) {
        let note = match type_ {
            EventType::Normal => note.to_owned(),
            EventType::Warning => format!("{note} (see {})", page(cx, reason)),
        };
        record(cx, platform, "Reconcile", type_, reason, &note).await;
    }
    for (reason, note) in rotation::steps(before, after) {
        record(cx, platform, "Rotate", EventType::Normal, reason, &note).await;
    }
}

/// Writes a note in as many Events as it takes. What cannot be written is logged: an Event is never worth a failed pass.
pub async fn record(
    cx: &Context,
    platform: &Platform,
    action: &str,
    type_: EventType,
    reason: &str,
    note: &str,
) {
    for part in parts(note, LONGEST) {
        // A recorder of its own each time: one counts a second Event of the same reason instead of writing it.
        let recorder = Recorder::new(
            cx.client.clone(),
            Reporter {
                controller: FIELD_MANAGER.to_owned(),
                instance: None,
            },
        );
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(part),
            action: action.to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, &platform.object_ref(&())).await {
            tracing::warn!(reason, %error, "an Event could not be written");
        }
    }
}

/// The note in pieces of at most `most` bytes, cut between its words.
fn parts(note: &str, most: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in note.split_inclusive(' ') {
        let full = parts
            .last()
            .is_some_and(|part| part.len() + word.len() > most);
        if full {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(&word[..word.floor_char_boundary(most)]);
        }
    }
    parts
}

/// Type, reason and note of the Events for what changed. `Ready` and `Reconciling` only sum up; of these, `Ready`
/// turning true is told.
fn transitions<'a>(
    before: &PlatformStatus,
    after: &'a PlatformStatus,
) -> Vec<(EventType, &'a str, &'a str)> {
    after
        .conditions
        .iter()
        .filter(|now| {
            let summary =
                [ConditionType::Reconciling, ConditionType::Stalled].map(ConditionType::as_str);
            let was = before.conditions.iter().find(|was| was.type_ == now.type_);
            let changed =
                was.is_none_or(|was| was.status != now.status || was.reason != now.reason);
            changed && now.status != "Unknown" && !summary.contains(&now.type_.as_str())
        })
        .filter(|now| now.type_ != ConditionType::Ready.as_str() || now.status == "True")
        .map(|now| {
            let fine = now.status == "True" && now.reason == Reason::Ready.as_str();
            let progress = Reason::parse(&now.reason).is_some_and(Reason::is_progress);
            let type_ = if fine || progress {
                EventType::Normal
            } else {
                EventType::Warning
            };
            let reason = if fine { &now.type_ } else { &now.reason };
            (type_, reason.as_str(), now.message.as_str())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;

    fn status(kind: &str, status: &str, reason: &str) -> PlatformStatus {
        let condition = Condition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: String::new(),
            observed_generation: None,
            last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
        };
        PlatformStatus {
            conditions: vec![condition],
            ..PlatformStatus::default()
        }
    }

    #[test]
    fn a_long_note_is_told_in_parts() {
        let note: Vec<String> = (0..500).map(|n| format!("login l{n}")).collect();
        let note = note.join(", ");
        let parts = parts(&note, 1_000);
        assert!(parts.len() > 1 && parts.iter().all(|part| part.len() <= 1_000));
        assert_eq!(parts.concat(), note);
        assert_eq!(super::parts("kept", 1_000), ["kept"]);
    }

    #[test]
    fn one_event_for_each_transition_and_none_for_rest() {
        let down = status("DatabaseReady", "False", "BackendUnreachable");
        let up = status("DatabaseReady", "True", "Ready");
        let reasons = |before: &_, after: &_| -> Vec<_> {
            transitions(before, after)
                .into_iter()
                .map(|(_, reason, _)| reason.to_owned())
                .collect()
        };
        assert_eq!(
            reasons(&PlatformStatus::default(), &down),
            ["BackendUnreachable"]
        );
        assert_eq!(reasons(&down, &up), ["DatabaseReady"]);
        assert!(reasons(&up, &up).is_empty());
    }
}
