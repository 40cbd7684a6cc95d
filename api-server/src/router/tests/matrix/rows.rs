//! The table: who an operation is for, and how it is asked.

use api_server_users::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use super::callers::Stage;
use super::{CANARY, Outcome, Told};

/// Who may do it; everybody above may too.
#[derive(Debug, Clone, Copy)]
pub(super) enum Least {
    /// Whoever asks.
    Public,
    /// Whoever is signed in.
    Anybody,
    /// Whoever has this role in the team or a higher one; to strangers there is no such thing, and administrators of the platform
    /// are strangers.
    In(Role),
    /// The member of the team whose it is; to others there is no such thing.
    Member,
    /// The same, and administrators of the platform.
    MemberOrPlatform,
    /// Administrators of the platform.
    Platform,
}

/// An operation as it is asked.
pub(super) struct Row {
    pub(super) method: &'static str,
    /// As in the document.
    pub(super) path: &'static str,
    /// What `{id}` is.
    id: String,
    /// What `{user_id}` is.
    user_id: String,
    pub(super) query: String,
    pub(super) least: Least,
    pub(super) body: Value,
    /// The answer to whoever may.
    pub(super) done: Outcome,
}

impl Row {
    fn of(least: Least, operation: &'static str) -> Self {
        let (method, path) = operation.split_once(' ').expect("a method and a path");
        Self {
            method,
            path,
            id: String::new(),
            user_id: String::new(),
            query: String::new(),
            least,
            body: Value::Null,
            done: (200, None),
        }
    }

    fn at(self, id: Uuid) -> Self {
        Self {
            id: id.to_string(),
            ..self
        }
    }

    fn about(self, user: Uuid) -> Self {
        Self {
            user_id: user.to_string(),
            ..self
        }
    }

    fn asking(self, query: &str) -> Self {
        Self {
            query: query.to_owned(),
            ..self
        }
    }

    fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn gives(self, status: u16, code: impl Into<Option<&'static str>>) -> Self {
        Self {
            done: (status, code.into()),
            ..self
        }
    }

    /// The path as it is sent.
    pub(super) fn target(&self) -> String {
        let path = self.path.replace("{id}", &self.id);
        path.replace("{user_id}", &self.user_id)
    }

    /// What the document tells of it.
    pub(super) fn told<'a>(&self, operations: &'a [Told]) -> &'a Told {
        let mut found = operations.iter();
        found
            .find(|told| told.method == self.method && told.path == self.path)
            .unwrap_or_else(|| panic!("{} {} is not in the document", self.method, self.path))
    }
}

/// Every operation; one whose right depends on what is asked has more than one row. What changes something is tried out only.
pub(super) fn table(stage: &Stage) -> Vec<Row> {
    let Stage {
        team, task, told, ..
    } = *stage;
    let (viewer, member, admin, owner) = (
        Least::In(Role::Viewer),
        Least::In(Role::Member),
        Least::In(Role::Admin),
        Least::In(Role::Owner),
    );
    let given = |role: &str| json!({"role": role});
    let joins = |role: &str| json!({"user_id": stage.spare, "role": role});
    // No address at all: it is refused before anything is counted or hashed.
    let nobody = json!({"email": "nobody", "password": "correct horse"});
    let unknown = json!({"refresh": "unknown"});
    vec![
        Row::of(Least::Public, "GET /.well-known/jwks.json"),
        Row::of(Least::Public, "GET /auth/keys/public"),
        Row::of(Least::Public, "GET /api/deprecations"),
        Row::of(Least::Public, "POST /api/token/")
            .with(nobody.clone())
            .gives(401, "bad_credentials"),
        Row::of(Least::Public, "POST /api/v1/auth/login")
            .with(nobody)
            .gives(401, "bad_credentials"),
        Row::of(Least::Public, "POST /api/token/refresh/")
            .with(unknown.clone())
            .gives(401, "bad_refresh"),
        Row::of(Least::Public, "POST /api/v1/auth/refresh")
            .with(unknown.clone())
            .gives(401, "bad_refresh"),
        Row::of(Least::Public, "POST /api/v1/auth/logout")
            .with(unknown)
            .gives(204, None),
        Row::of(Least::Anybody, "GET /api/v1/notifications"),
        Row::of(Least::Member, "POST /api/v1/notifications/{id}:read").at(told),
        Row::of(Least::Anybody, "POST /api/v1/realtime/tickets").gives(201, None),
        Row::of(Least::Anybody, "GET /api/v1/tasks"),
        Row::of(viewer, "GET /api/v1/tasks").asking(&stage.of_team),
        Row::of(member, "POST /api/v1/tasks").with(json!({"team_id": team, "title": CANARY})),
        Row::of(viewer, "GET /api/v1/tasks/{id}").at(task),
        Row::of(member, "PATCH /api/v1/tasks/{id}")
            .at(task)
            .with(json!({"title": "Sand"})),
        Row::of(viewer, "GET /api/v1/tasks/{id}/history").at(task),
        Row::of(member, "DELETE /api/v1/tasks/{id}").at(task),
        Row::of(member, "POST /api/v1/tasks/{id}:archive").at(task),
        Row::of(member, "POST /api/v1/tasks/{id}:restore").at(task),
        Row::of(Least::Anybody, "GET /api/v1/teams"),
        Row::of(Least::Anybody, "POST /api/v1/teams").with(json!({"name": "Looms"})),
        Row::of(viewer, "GET /api/v1/teams/{id}").at(team),
        Row::of(admin, "PATCH /api/v1/teams/{id}")
            .at(team)
            .with(json!({"name": CANARY})),
        Row::of(owner, "DELETE /api/v1/teams/{id}").at(team),
        Row::of(owner, "POST /api/v1/teams/{id}:archive").at(team),
        Row::of(owner, "POST /api/v1/teams/{id}:restore").at(team),
        Row::of(viewer, "GET /api/v1/teams/{id}/history").at(team),
        Row::of(viewer, "GET /api/v1/teams/{id}/members").at(team),
        Row::of(admin, "POST /api/v1/teams/{id}/members")
            .at(team)
            .with(joins("admin")),
        Row::of(owner, "POST /api/v1/teams/{id}/members")
            .at(team)
            .with(joins("owner")),
        Row::of(viewer, "GET /api/v1/teams/{id}/members/{user_id}")
            .at(team)
            .about(stage.owner),
        Row::of(admin, "PATCH /api/v1/teams/{id}/members/{user_id}")
            .at(team)
            .about(stage.member)
            .with(given("viewer")),
        Row::of(owner, "PATCH /api/v1/teams/{id}/members/{user_id}")
            .at(team)
            .about(stage.member)
            .with(given("owner")),
        Row::of(owner, "PATCH /api/v1/teams/{id}/members/{user_id}")
            .at(team)
            .about(stage.owner)
            .with(given("admin"))
            .gives(409, "last_owner"),
        // Whose membership it is may leave; no other member is among the callers.
        Row::of(member, "DELETE /api/v1/teams/{id}/members/{user_id}")
            .at(team)
            .about(stage.member),
        Row::of(owner, "DELETE /api/v1/teams/{id}/members/{user_id}")
            .at(team)
            .about(stage.owner)
            .gives(409, "last_owner"),
        Row::of(Least::Platform, "GET /api/v1/users"),
        Row::of(Least::Platform, "POST /api/v1/users")
            .with(json!({"email": "eve@example.org", "name": "Eve", "password": "correct horse"})),
        Row::of(Least::Anybody, "GET /api/v1/users/me"),
        Row::of(Least::MemberOrPlatform, "GET /api/v1/users/{id}").at(stage.member),
    ]
}
