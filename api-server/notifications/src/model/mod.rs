//! Notifications as the domain knows them. No HTTP, no SQL.

use api_server_tasks::facade::TaskEvent;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One thing that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    /// Such as `task.assigned`.
    pub(crate) kind: String,
    pub(crate) task_id: Option<Uuid>,
    pub(crate) title: String,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A notification on its way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewNotification {
    pub(crate) user_id: Uuid,
    pub(crate) kind: &'static str,
    pub(crate) task_id: Uuid,
    pub(crate) title: String,
    pub(crate) at: DateTime<Utc>,
}

/// Who should know of an event: the owner whom somebody else gave the task.
pub(crate) fn of_task(event: &TaskEvent) -> Option<NewNotification> {
    let owner = event.owner_id.filter(|owner| *owner != event.actor_id)?;
    let given = event.changed.iter().any(|field| field == "owner_id");
    given.then(|| NewNotification {
        user_id: owner,
        kind: "task.assigned",
        task_id: event.task_id,
        title: event.title.clone(),
        at: event.occurred_at,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(owner: Option<u128>, changed: &[&str]) -> TaskEvent {
        serde_json::from_value(json!({
            "task_id": Uuid::from_u128(1), "team_id": Uuid::from_u128(2), "title": "Oil", "status": "todo",
            "owner_id": owner.map(Uuid::from_u128), "due_at": null, "version": 1,
            "actor_id": Uuid::from_u128(7), "occurred_at": "2026-03-02T00:00:00Z", "changed": changed,
        }))
        .expect("an event")
    }

    #[test]
    fn only_a_new_owner_who_did_not_act_is_told() {
        assert_eq!(
            of_task(&event(Some(8), &["owner_id"]))
                .expect("told")
                .user_id,
            Uuid::from_u128(8)
        );
        assert_eq!(
            of_task(&event(Some(7), &["owner_id"])),
            None,
            "their own act"
        );
        assert_eq!(
            of_task(&event(Some(8), &["status"])),
            None,
            "they had it before"
        );
        assert_eq!(
            of_task(&event(None, &["owner_id"])),
            None,
            "nobody has it now"
        );
    }
}
