//! What is outside of Kubernetes, as the ledger names it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The server that a thing is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// Kafka.
    Kafka,
}

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A database.
    Database,
    /// A role that cannot log in.
    Role,
    /// A login.
    Login,
    /// The keys under a prefix.
    Namespace,
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A principal without a login whose rights mark what is ours.
    Marker,
}

/// Something outside of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Thing {
    /// Where it is.
    pub server: Server,
    /// What it is.
    pub kind: Kind,
    /// Its name there.
    pub name: String,
}

impl Thing {
    /// A thing.
    #[must_use]
    pub fn new(server: Server, kind: Kind, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { server, kind, name }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Database => "database",
            Kind::Role => "role",
            Kind::Login => "login",
            Kind::Namespace => "keys of",
            Kind::Topic => "topic",
            Kind::Group => "consumer group",
            Kind::Marker => "marker",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// `database demo, login demo_app_a`.
#[must_use]
pub fn list<'a>(things: impl IntoIterator<Item = &'a Thing>) -> String {
    let names: Vec<String> = things.into_iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// How many of the things of a ledger are told where room is short: more than any Platform has by itself.
const MOST_TOLD: usize = 64;

/// The same as [`list`], but for those beyond what is ever made, which are counted: a ledger can be edited by hand.
#[must_use]
pub(super) fn told(things: &[Thing]) -> String {
    let some = things.iter().take(MOST_TOLD);
    match things.len().saturating_sub(MOST_TOLD) {
        0 => list(some),
        more => format!(
            "{}, and {more} more, which the operator's log tells when it lets go",
            list(some)
        ),
    }
}
