//! Topics: made, grown, their settings kept. Partitions are never taken away.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use common_kafka::{
    RDKafkaErrorCode,
    admin::{Acl, Admin, Resource, TopicState},
};
use crds::Reason;

use super::{changes, failed, rights::Wanted};
use crate::{
    credentials::Store,
    platform::{
        StepError,
        apply::ledger::{Kind, Server, Thing, list},
    },
};

/// How long one pass waits until the brokers know a new topic. After that the next pass looks again.
const SPREAD: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);

/// The topics as they are.
pub(super) struct Topics {
    there: BTreeMap<String, TopicState>,
    marked: BTreeSet<String>,
}

/// Looks, and refuses what is there and not ours.
pub(super) async fn look(
    admin: &Admin,
    wanted: &Wanted,
    store: &dyn Store,
) -> Result<Topics, StepError> {
    let states = admin
        .topics(&wanted.topic_names())
        .await
        .map_err(|error| failed(&error))?;
    let marks = admin
        .rights(&wanted.marker)
        .await
        .map_err(|error| failed(&error))?;
    let marked: BTreeSet<String> = marks
        .acls
        .into_iter()
        .filter_map(|acl| match acl.resource {
            Resource::Topic(name) => Some(name),
            Resource::Group(_) => None,
        })
        .collect();
    let mut there = BTreeMap::new();
    for state in states {
        match state.error {
            None => {
                there.insert(state.name.clone(), state);
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {}
            Some(code) => {
                return Err(StepError::transient(
                    Reason::BackendRefused,
                    format!(
                        "Kafka does not show the topic {} to the admin login: {code}; it must be a super user of the \
                         cluster",
                        state.name
                    ),
                ));
            }
        }
    }
    let foreign: Vec<Thing> = there
        .keys()
        .filter(|name| !marked.contains(*name))
        .map(|name| Thing::new(Server::Kafka, Kind::Topic, name))
        .filter(|thing| !store.knows(thing))
        .collect();
    if foreign.is_empty() {
        return Ok(Topics { there, marked });
    }
    Err(StepError::transient(
        Reason::NotOurs,
        format!(
            "Kafka has {}, which nothing marks as this Platform's: it is not touched. Delete it, or, if it is this Platform's, \
             mark it with: kafka-acls.sh --bootstrap-server HOST:PORT --command-config FILE --add --allow-principal User:{} \
             --operation Describe --topic {}",
            list(&foreign),
            wanted.marker,
            foreign[0].name
        ),
    ))
}

/// Brings the topics to what is wanted. Returns how many are known with all their partitions.
pub(super) async fn shape(
    admin: &Admin,
    wanted: &Wanted,
    topics: &Topics,
) -> Result<usize, StepError> {
    // The mark first: then a topic is ours from its first moment.
    let marks: Vec<Acl> = wanted
        .topics
        .iter()
        .filter(|topic| !topics.marked.contains(&topic.name))
        .map(|topic| Wanted::mark(&topic.name))
        .collect();
    if !marks.is_empty() {
        changes::grant(admin, &wanted.marker, &marks).await?;
    }
    let there = topics.there.keys().map(String::as_str);
    let configs = admin.topic_configs(there).await;
    let mut configs = configs.map_err(|error| failed(&error))?;
    let mut changed = false;
    for topic in &wanted.topics {
        let Some(found) = topics.there.get(&topic.name) else {
            changes::create_topic(admin, topic).await?;
            changed = true;
            continue;
        };
        if found.partitions < topic.partitions {
            changes::grow_topic(admin, topic).await?;
            changed = true;
        }
        let mut config = configs.remove(&topic.name).unwrap_or_default();
        let stands = |(key, value): &(String, String)| config.get(key) == Some(value);
        if !topic.config.iter().all(stands) {
            // All of a topic's settings are replaced at once: those that an administrator made go along.
            config.extend(topic.config.iter().cloned());
            let all: Vec<(String, String)> = config.into_iter().collect();
            changes::set_topic_config(admin, &topic.name, &all).await?;
        }
    }
    let mut now: Vec<TopicState> = topics.there.values().cloned().collect();
    let deadline = Instant::now() + SPREAD;
    loop {
        let ready = if changed { 0 } else { ready(wanted, &now) };
        if ready == wanted.topics.len() || Instant::now() >= deadline {
            return Ok(ready);
        }
        if !changed {
            tokio::time::sleep(LOOK).await;
        }
        now = admin
            .topics(&wanted.topic_names())
            .await
            .map_err(|error| failed(&error))?;
        changed = false;
    }
}

/// How many topics are there with all their partitions.
fn ready(wanted: &Wanted, now: &[TopicState]) -> usize {
    let ready = wanted.topics.iter().filter(|topic| {
        let is = |state: &TopicState| {
            state.exists() && state.name == topic.name && state.partitions >= topic.partitions
        };
        now.iter().any(is)
    });
    ready.count()
}

/// Sees that the brokers know all topics.
///
/// # Errors
/// `TopicsPending` until they do.
pub(super) fn require_known(ready: usize, wanted: usize) -> Result<(), StepError> {
    if ready >= wanted {
        return Ok(());
    }
    Err(StepError::waiting(
        Reason::TopicsPending,
        format!(
            "{ready} of {wanted} topics are known to every broker; it is looked at again. If it stays: check that as many \
             brokers run as spec.events.kafka.topics asks replicas for"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::is_told;

    #[test]
    fn topics_are_waited_for_until_each_is_known() {
        assert_eq!(require_known(8, 8), Ok(()));
        let error = require_known(7, 8).expect_err("one is missing");
        is_told(Reason::TopicsPending, error.reason.as_str());
        assert!(error.message.starts_with("7 of 8 topics"), "{error}");
    }
}
