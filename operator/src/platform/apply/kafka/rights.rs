//! Topics, users and rights of one Platform on Kafka. Pure.

use std::collections::BTreeSet;

use common_kafka::admin::{Acl, Operation, TopicSpec};
use crds::TopicName;

use crate::platform::{
    apply::ledger::{Kind, Server, Thing},
    validate::{ExternalNames, Topic},
};

/// What a Platform wants on Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Topics and their dead-letter topics.
    pub(super) topics: Vec<TopicSpec>,
    /// Those of them whose numbers the spec names.
    pub(super) named: BTreeSet<String>,
    /// Those of them that may get more partitions when they are there.
    pub(super) may_grow: BTreeSet<String>,
    /// The clients with their users.
    pub(super) clients: [ClientSpec; 2],
    /// Consumer groups.
    pub(super) groups: [String; 3],
    /// A principal that can never log in: its right to see a topic marks the topic as ours.
    pub(super) marker: String,
}

/// A client of two users, of which one is in use; the other is for the next change of password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientSpec {
    /// The Secret is `P-<secret>`.
    pub(super) secret: &'static str,
    /// The two users.
    pub(super) slots: [String; 2],
    /// All rights of the one in use, sorted.
    pub(super) acls: Vec<Acl>,
}

impl Wanted {
    /// The names and rights of a Platform.
    pub(crate) fn of(names: &ExternalNames, topics: &[Topic]) -> Self {
        let prefix = names.topic_prefix();
        let live = |name: TopicName| format!("{prefix}.{}", name.as_str());
        let dead = |name: TopicName| format!("{prefix}.{}.dead-letter", name.as_str());
        let group = |name: &str| format!("{prefix}.{name}");
        let groups = [group("notifications"), group("analytics"), group("tasks")];
        let mut specs = Vec::new();
        let those = |is: fn(&Topic) -> bool| -> BTreeSet<String> {
            let those = topics.iter().filter(|topic| is(topic));
            those.map(|topic| live(topic.name)).collect()
        };
        let mut app: Vec<Acl> = [&groups[0], &groups[2]]
            .map(|group| Acl::group(group, Operation::Read))
            .into();
        for topic in topics {
            let retention = topic.retention.as_millis().to_string();
            let mut config = vec![("retention.ms".to_owned(), retention)];
            config.extend(topic.config.iter().cloned());
            let spec = |name: String, partitions| TopicSpec {
                name,
                partitions,
                replicas: topic.replicas,
                config: config.clone(),
            };
            specs.push(spec(live(topic.name), topic.partitions));
            specs.push(spec(dead(topic.name), 1));
            for name in [live(topic.name), dead(topic.name)] {
                app.push(Acl::topic(&name, Operation::Read));
                app.push(Acl::topic(&name, Operation::Write));
            }
        }
        // Analytics reads tasks, puts aside what it cannot handle, and tells what it found.
        let analytics = vec![
            Acl::topic(live(TopicName::TaskEvents), Operation::Read),
            Acl::topic(dead(TopicName::TaskEvents), Operation::Read),
            Acl::topic(dead(TopicName::TaskEvents), Operation::Write),
            Acl::topic(live(TopicName::AnalyticsEvents), Operation::Write),
            Acl::group(&groups[1], Operation::Read),
        ];
        let client = |secret, client, mut acls: Vec<Acl>| {
            acls.sort();
            ClientSpec {
                secret,
                slots: ["a", "b"].map(|slot| names.kafka_user(client, slot)),
                acls,
            }
        };
        Self {
            topics: specs,
            named: those(|topic| topic.is_named),
            may_grow: those(|topic| topic.may_grow),
            clients: [
                client("kafka-app", "app", app),
                client("kafka-analytics", "analytics", analytics),
            ],
            groups,
            marker: format!("{prefix}-marker"),
        }
    }

    /// What marks a topic as ours.
    pub(super) fn mark(topic: &str) -> Acl {
        Acl::topic(topic, Operation::Describe)
    }

    /// Names of all topics.
    pub(super) fn topic_names(&self) -> Vec<String> {
        self.topics.iter().map(|topic| topic.name.clone()).collect()
    }

    /// Topics that a client may not even see.
    pub(super) fn not_for(&self, client: &ClientSpec) -> Vec<String> {
        let own: BTreeSet<_> = client.acls.iter().map(|acl| &acl.resource).collect();
        let mut names = self.topic_names();
        names.push(format!("not-{}", self.marker));
        names.retain(|name| !own.contains(&common_kafka::admin::Resource::Topic(name.clone())));
        names
    }

    /// Groups that a client may not even see.
    pub(super) fn no_groups(&self, client: &ClientSpec) -> Vec<String> {
        let own: BTreeSet<_> = client.acls.iter().map(|acl| &acl.resource).collect();
        let mut names = self.groups.to_vec();
        names.retain(|name| !own.contains(&common_kafka::admin::Resource::Group(name.clone())));
        names
    }

    /// All of it, for the ledger.
    pub(super) fn things(&self) -> Vec<Thing> {
        let thing = |kind, name: &str| Thing::new(Server::Kafka, kind, name);
        let mut things = vec![thing(Kind::Marker, &self.marker)];
        things.extend(
            self.topics
                .iter()
                .map(|topic| thing(Kind::Topic, &topic.name)),
        );
        things.extend(self.groups.iter().map(|group| thing(Kind::Group, group)));
        for client in &self.clients {
            things.extend(client.slots.iter().map(|user| thing(Kind::Login, user)));
        }
        things
    }
}
