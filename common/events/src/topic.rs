//! The topics of the platform and the ways to read them. Pure: names only, no broker.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A topic, one per domain. The name on the broker is `<prefix>.<topic>`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Users, teams and memberships.
    UserActivities,
    /// Tasks.
    TaskEvents,
    /// Facts made by analytics.
    AnalyticsEvents,
    /// Messages of the platform itself.
    SystemNotifications,
}

impl Topic {
    /// Every topic, in the order of declaration.
    pub const ALL: [Self; 4] = [
        Self::UserActivities,
        Self::TaskEvents,
        Self::AnalyticsEvents,
        Self::SystemNotifications,
    ];

    /// Name without the platform's prefix, as stored in `outbox.topic`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserActivities => "user-activities",
            Self::TaskEvents => "task-events",
            Self::AnalyticsEvents => "analytics-events",
            Self::SystemNotifications => "system-notifications",
        }
    }

    /// Name, without the prefix, of the topic for what could not be handled.
    #[must_use]
    pub const fn dead_letter(self) -> &'static str {
        match self {
            Self::UserActivities => "user-activities.dead-letter",
            Self::TaskEvents => "task-events.dead-letter",
            Self::AnalyticsEvents => "analytics-events.dead-letter",
            Self::SystemNotifications => "system-notifications.dead-letter",
        }
    }

    /// The topic with this name (without prefix), if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a subscription shares a topic with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// All subscriptions of this name share the events: each event is handled by one of them. Progress is kept by the
    /// broker. On the broker the group is `<prefix>.<name>`.
    Shared(&'static str),
    /// Every subscription sees every event from now on; nothing is kept.
    Broadcast,
}

/// A topic or its dead letters: what a backend addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Channel {
    pub(crate) topic: Topic,
    pub(crate) dead: bool,
}

impl Channel {
    pub(crate) const fn live(topic: Topic) -> Self {
        Self { topic, dead: false }
    }

    pub(crate) const fn dead(topic: Topic) -> Self {
        Self { topic, dead: true }
    }

    /// Name without the prefix.
    pub(crate) const fn as_str(self) -> &'static str {
        if self.dead {
            self.topic.dead_letter()
        } else {
            self.topic.as_str()
        }
    }

    /// Name on the broker.
    pub(crate) fn name(self, prefix: &str) -> String {
        format!("{prefix}.{}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_parses_back_and_has_its_own_dead_letter_topic() {
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.as_str()), Some(topic));
            assert_eq!(topic.dead_letter(), format!("{topic}.dead-letter"));
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.as_str());
        }
        assert_eq!(Topic::parse("task-events.dead-letter"), None);
    }
}
