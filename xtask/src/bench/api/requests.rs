//! What is asked of every side, again and again.

use anyhow::{Context as _, Result};

use super::{
    http::Request,
    load::{CONNECTIONS, Wrk},
    scene::{PASSWORD, PEOPLE, Scene},
    sides::{Side, Who},
};

/// A kind of request, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The newest twenty tasks.
    List,
    /// The same with the count that Django REST framework adds unless told otherwise; no other side has it.
    Counted,
    Detail,
    /// One task that the caller holds already.
    Held,
    /// A task with its audit row and its event.
    Create,
    /// Address and password.
    Login,
    /// The exchange of a refresh token.
    Refresh,
}

/// The first page.
pub(super) const LIST: &str = "/api/v1/tasks?limit=20";
/// The same with a count, of Django REST framework.
pub(super) const COUNTED: &str = "/api/v1/tasks?limit=20&page=1";
/// Where tasks are made.
pub(super) const TASKS: &str = "/api/v1/tasks";
/// Where refresh tokens are exchanged.
pub(super) const REFRESH: &str = "/api/v1/auth/refresh";

impl Kind {
    /// All of them: what takes the memory of passwords comes last.
    pub(super) const ALL: [Self; 7] = [
        Self::List,
        Self::Counted,
        Self::Detail,
        Self::Held,
        Self::Create,
        Self::Login,
        Self::Refresh,
    ];

    /// Its name in the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::List => "list of 20",
            Self::Counted => "the same with a count",
            Self::Detail => "one task",
            Self::Held => "one task, held: 304",
            Self::Create => "create",
            Self::Login => "sign-in",
            Self::Refresh => "refresh",
        }
    }

    /// Whether a side serves it.
    pub(super) fn is_of(self, who: Who) -> bool {
        self != Self::Counted || who == Who::Drf
    }

    /// Whether it leaves rows.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Login | Self::Refresh)
    }

    /// What wrk sends to a side; for a refresh it first takes a token for each connection.
    pub(super) fn wrk(self, side: &Side, scene: &Scene) -> Result<Wrk> {
        let request = match self {
            Self::List => Request::get(LIST, &scene.token),
            Self::Counted => Request::get(COUNTED, &scene.token),
            Self::Detail | Self::Held => detail(scene),
            Self::Create => Request::get(TASKS, &scene.token),
            Self::Login => Scene::login(1),
            Self::Refresh => Request::post(REFRESH, serde_json::Value::Null),
        };
        let request = Request {
            held: (self == Self::Held).then(|| HELD.to_owned()),
            ..request
        };
        let script = match self {
            Self::Create => Some(("create.lua", vec![scene.new_task().to_string()])),
            Self::Login => Some(("login.lua", vec![PEOPLE.to_string(), PASSWORD.to_owned()])),
            Self::Refresh => Some(("refresh.lua", tokens(side)?)),
            _ => None,
        };
        Ok(Wrk {
            url: format!("http://127.0.0.1:{}{}", side.port, request.path),
            headers: request.headers(),
            script,
            remembers: self == Self::Refresh,
        })
    }
}

/// The version of every task in the rows.
pub(super) const HELD: &str = "\"1\"";

/// The one task.
pub(super) fn detail(scene: &Scene) -> Request {
    Request::get(format!("{TASKS}/{}", scene.task), &scene.token)
}

/// A refresh token for each connection, of as many people.
fn tokens(side: &Side) -> Result<Vec<String>> {
    (1..=CONNECTIONS)
        .map(|person| {
            let answer = Scene::login(person).send(side.port)?.json(200)?;
            let token = answer["data"]["refresh"].as_str();
            token
                .map(str::to_owned)
                .context("a sign-in gave no refresh token")
        })
        .collect()
}
