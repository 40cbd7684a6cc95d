//! What a request changes of a task, and what it changed.

use chrono::{DateTime, Utc};
use common_history::Diff;
use common_http::patch::Wish;
use serde_json::json;
use uuid::Uuid;

use super::{Description, Priority, Status, Task, Title};

/// Fields to change; `None` leaves a field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) title: Option<Title>,
    pub(crate) description: Option<Description>,
    pub(crate) status: Option<Status>,
    pub(crate) priority: Option<Priority>,
    pub(crate) owner_id: Wish<Uuid>,
    pub(crate) due_at: Wish<DateTime<Utc>>,
}

impl Change {
    /// Names of the fields that the request has, in the order of the alphabet.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        let named = [
            ("description", self.description.is_some()),
            ("due_at", self.due_at != Wish::Keep),
            ("owner_id", self.owner_id != Wish::Keep),
            ("priority", self.priority.is_some()),
            ("status", self.status.is_some()),
            ("title", self.title.is_some()),
        ];
        let named = named.into_iter().filter(|(_, is_named)| *is_named);
        named.map(|(field, _)| field).collect()
    }

    /// The task after the change. A task that becomes done is completed `at`; one that is done no longer never was.
    pub(crate) fn apply(self, task: &Task, at: DateTime<Utc>) -> Task {
        let mut after = task.clone();
        if let Some(title) = self.title {
            title.as_str().clone_into(&mut after.title);
        }
        if let Some(description) = self.description {
            description.as_str().clone_into(&mut after.description);
        }
        if let Some(status) = self.status {
            after.status = status;
            after.completed_at = match status {
                Status::Done => task.completed_at.or(Some(at)),
                Status::Todo | Status::Doing => None,
            };
        }
        if let Some(priority) = self.priority {
            after.priority = priority.get();
        }
        if let Wish::Set(owner_id) = self.owner_id {
            after.owner_id = owner_id;
        }
        if let Wish::Set(due_at) = self.due_at {
            after.due_at = due_at;
        }
        after
    }
}

/// What differs between two states of a task; `before` is `None` for a new one.
pub(crate) fn changed(before: Option<&Task>, after: &Task) -> Diff {
    let fields = |task: &Task| {
        [
            ("title", json!(task.title)),
            ("description", json!(task.description)),
            ("status", json!(task.status)),
            ("priority", json!(task.priority)),
            ("owner_id", json!(task.owner_id)),
            ("due_at", json!(task.due_at)),
            ("is_archived", json!(task.is_archived)),
        ]
    };
    Diff::between(before.map(fields), fields(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NewTask;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("in range")
    }

    fn task() -> Task {
        NewTask {
            team_id: Uuid::nil(),
            title: Title::parse("Oil the engine").expect("a title"),
            description: Description::default(),
            status: Status::Todo,
            priority: Priority::default(),
            owner_id: Some(Uuid::nil()),
            due_at: None,
        }
        .into_task(Uuid::nil(), Uuid::nil(), noon())
    }

    #[test]
    fn only_what_differs_is_in_the_diff() {
        let before = task();
        let change = Change {
            status: Some(Status::Done),
            owner_id: Wish::Set(None),
            ..Change::default()
        };
        let after = change.apply(&before, noon());
        assert_eq!(
            changed(Some(&before), &after).fields(),
            ["owner_id", "status"]
        );
        assert!(changed(Some(&after), &after).is_empty());
    }

    #[test]
    fn a_field_has_one_name_in_a_request_and_in_the_diff() {
        let change = Change {
            title: Some(Title::parse("Fuel").expect("a title")),
            description: Some(Description::parse("Barrel 3").expect("a description")),
            status: Some(Status::Done),
            priority: Some(Priority::parse(4).expect("a priority")),
            owner_id: Wish::Set(None),
            due_at: Wish::Set(Some(noon())),
        };
        let named = change.fields();
        let before = task();
        let after = change.apply(&before, noon());
        assert_eq!(changed(Some(&before), &after).fields(), named);
        assert_eq!(Change::default().fields(), Vec::<&str>::new());
    }

    #[test]
    fn done_has_a_time_and_undone_has_none() {
        let done = Change {
            status: Some(Status::Done),
            ..Change::default()
        }
        .apply(&task(), noon());
        assert_eq!(done.completed_at, Some(noon()));
        let later = noon() + chrono::TimeDelta::hours(1);
        let again = Change {
            status: Some(Status::Done),
            ..Change::default()
        }
        .apply(&done, later);
        assert_eq!(
            again.completed_at,
            Some(noon()),
            "it was completed the first time"
        );
        let undone = Change {
            status: Some(Status::Doing),
            ..Change::default()
        }
        .apply(&again, later);
        assert_eq!(undone.completed_at, None);
    }
}
