//! Events: one for each transition of a condition.

use crds::{ConditionType, Platform, PlatformStatus, Reason};
use kube::{
    Resource as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};

use crate::platform::{Context, apply::kube::FIELD_MANAGER};

/// Tells the transitions between two statuses. What cannot be told is logged: an Event is never worth a failed pass.
pub async fn publish(
    cx: &Context,
    platform: &Platform,
    before: &PlatformStatus,
    after: &PlatformStatus,
) {
    let recorder = Recorder::new(
        cx.client.clone(),
        Reporter {
            controller: FIELD_MANAGER.to_owned(),
            instance: None,
        },
    );
    for event in transitions(before, after) {
        if let Err(error) = recorder.publish(&event, &platform.object_ref(&())).await {
            tracing::warn!(reason = %event.reason, %error, "an Event could not be written");
        }
    }
}

/// The Events for what changed. `Ready` and `Reconciling` only sum up; of these, `Ready` turning true is told.
fn transitions(before: &PlatformStatus, after: &PlatformStatus) -> Vec<Event> {
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
        .map(|now| Event {
            type_: if now.status == "True"
                || Reason::parse(&now.reason).is_some_and(Reason::is_progress)
            {
                EventType::Normal
            } else {
                EventType::Warning
            },
            reason: if now.status == "True" {
                now.type_.clone()
            } else {
                now.reason.clone()
            },
            note: Some(now.message.chars().take(1_000).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
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
    fn one_event_for_each_transition_and_none_for_rest() {
        let down = status("DatabaseReady", "False", "BackendUnreachable");
        let up = status("DatabaseReady", "True", "Ready");
        let reasons = |before: &_, after: &_| -> Vec<_> {
            transitions(before, after)
                .into_iter()
                .map(|event| event.reason)
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
