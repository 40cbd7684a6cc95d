//! What a user may do. Names are literal: a right on `a.b` is none on `a.b.c`.

/// What a right is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// A topic.
    Topic(String),
    /// A consumer group.
    Group(String),
}

/// What may be done. Reading or writing includes describing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Read a topic, or be a member of a group and commit its offsets.
    Read,
    /// Write to a topic.
    Write,
    /// See that it is there.
    Describe,
}

/// One right of a user, from any address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Acl {
    /// What it is about.
    pub resource: Resource,
    /// What may be done.
    pub operation: Operation,
}

impl Acl {
    /// A right on a topic.
    #[must_use]
    pub fn topic(name: impl Into<String>, operation: Operation) -> Self {
        Self {
            resource: Resource::Topic(name.into()),
            operation,
        }
    }

    /// A right on a consumer group.
    #[must_use]
    pub fn group(name: impl Into<String>, operation: Operation) -> Self {
        Self {
            resource: Resource::Group(name.into()),
            operation,
        }
    }
}
