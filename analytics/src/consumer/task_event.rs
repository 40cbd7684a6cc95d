//! The part of a task event that is counted. Pure: an event in, what it adds out.

use chrono::{DateTime, Utc};
use common_events::{Envelope, EventError};
use serde::Deserialize;
use uuid::Uuid;

use crate::model::{Act, Status, Tally};

/// What analytics reads of a payload; other fields are not its business.
#[derive(Debug, Deserialize)]
struct TaskEvent {
    team_id: Uuid,
    status: Status,
    /// Absent: the event's own time.
    #[serde(default)]
    occurred_at: Option<DateTime<Utc>>,
    /// Names of the fields that an update changed.
    #[serde(default)]
    changed: Vec<String>,
}

/// What `event` adds to a day; nothing for events of other types and for changes that are not counted.
///
/// # Errors
/// `EventError::Malformed` for a payload without a team or status: it can never be counted.
pub(super) fn tally(event: &Envelope) -> Result<Option<Tally>, EventError> {
    let act: fn(&TaskEvent) -> Option<Act> = match event.event_type.as_str() {
        "task.created.v1" => |task| {
            Some(Act::Created {
                done: task.status == Status::Done,
            })
        },
        "task.updated.v1" => |task| {
            let became = task.changed.iter().any(|field| field == "status");
            (became && task.status == Status::Done).then_some(Act::Completed)
        },
        "task.archived.v1" => |_| Some(Act::Archived),
        _ => return Ok(None),
    };
    let task: TaskEvent = event.data_as()?;
    let at = task.occurred_at.unwrap_or(event.time);
    Ok(act(&task).map(|act| Tally::of(task.team_id, at, act)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TEAM: Uuid = Uuid::from_u128(7);

    fn event(event_type: &str, data: Value) -> Envelope {
        Envelope {
            id: Uuid::from_u128(1),
            source: "/crewdeck".to_owned(),
            event_type: event_type.to_owned(),
            subject: Uuid::from_u128(2).to_string(),
            time: "2026-03-02T00:00:01Z".parse().expect("a time"),
            dataschema: String::new(),
            sequence: 1,
            version: 1,
            actor: None,
            data,
        }
    }

    fn counts(event_type: &str, data: Value) -> Option<(i64, i64, i64)> {
        let tally = tally(&event(event_type, data)).expect("well formed")?;
        assert_eq!(tally.team_id, TEAM);
        Some((tally.created, tally.completed, tally.archived))
    }

    #[test]
    fn acts_are_counted_and_other_changes_are_not() {
        let task = |status: &str, changed: &[&str]| json!({"team_id": TEAM, "status": status, "changed": changed, "title": "x"});
        let cases = [
            ("task.created.v1", task("todo", &[]), Some((1, 0, 0))),
            ("task.created.v1", task("done", &[]), Some((1, 1, 0))),
            (
                "task.updated.v1",
                task("done", &["title", "status"]),
                Some((0, 1, 0)),
            ),
            ("task.updated.v1", task("done", &["title"]), None),
            ("task.updated.v1", task("doing", &["status"]), None),
            ("task.archived.v1", task("done", &[]), Some((0, 0, 1))),
            ("task.restored.v1", task("done", &[]), None),
            ("task.created.v2", json!("another shape"), None),
        ];
        for (event_type, data, expected) in cases {
            assert_eq!(
                counts(event_type, data.clone()),
                expected,
                "{event_type} {data}"
            );
        }
    }

    #[test]
    fn the_day_is_the_one_of_the_act() {
        let mut data =
            json!({"team_id": TEAM, "status": "todo", "occurred_at": "2026-03-01T23:59:59.9Z"});
        let day = |data: &Value| {
            let tally = tally(&event("task.created.v1", data.clone())).expect("well formed");
            tally.expect("counted").day.to_string()
        };
        assert_eq!(day(&data), "2026-03-01");
        data.as_object_mut().expect("object").remove("occurred_at");
        assert_eq!(day(&data), "2026-03-02");
    }

    #[test]
    fn a_payload_without_a_team_is_malformed() {
        let error = tally(&event("task.created.v1", json!({"status": "todo"})));
        assert!(matches!(error, Err(EventError::Malformed(_))), "{error:?}");
    }
}
