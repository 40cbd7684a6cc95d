//! Topics: made, grown where the spec consents, their settings kept. What cannot or may not be changed of one that is there is
//! told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use common_kafka::{
    RDKafkaErrorCode,
    admin::{Acl, Admin, Resource, TopicSpec, TopicState},
};
use crds::Reason;

use super::{changes, failed, rights::Wanted, settings};
use crate::{
    credentials::Store,
    platform::{
        StepError,
        apply::ledger::{Kind, Server, Thing, list},
    },
};

/// How long one pass waits until the brokers know what it made or changed. After that the next pass looks again.
pub(super) const SPREAD: Duration = Duration::from_secs(2);
pub(super) const LOOK: Duration = Duration::from_millis(100);

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

/// How the topics stand after a pass.
#[derive(Debug, Default)]
pub(super) struct Shaped {
    /// How many are known with all the partitions that they have or get.
    pub(super) ready: usize,
    /// Of how many partitions some copy is behind or away.
    pub(super) under_replicated: usize,
    /// How others are otherwise than wanted and left so, in words.
    pub(super) unlike: Vec<String>,
}

/// Brings the topics to what is wanted, as far as that can be.
pub(super) async fn shape(
    admin: &Admin,
    wanted: &Wanted,
    topics: &Topics,
) -> Result<Shaped, StepError> {
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
    let configs = configs.map_err(|error| failed(&error))?;
    let mut changed = false;
    let (mut unlike, mut found_there) = (Vec::new(), Vec::new());
    for topic in &wanted.topics {
        let Some(found) = topics.there.get(&topic.name) else {
            changes::create_topic(admin, topic).await?;
            changed = true;
            continue;
        };
        unlike.extend(differences(wanted, topic, found));
        if found.partitions < topic.partitions && wanted.may_grow.contains(&topic.name) {
            changes::grow_topic(admin, topic).await?;
            changed = true;
        }
        found_there.push(topic);
    }
    // A topic is as usable as before, whatever is told of it, and all else goes on.
    unlike.extend(settings::settle(admin, &found_there, &configs).await?);
    let mut now: Vec<TopicState> = topics.there.values().cloned().collect();
    let deadline = Instant::now() + SPREAD;
    loop {
        let ready = if changed {
            0
        } else {
            ready(wanted, topics, &now)
        };
        if ready == wanted.topics.len() || Instant::now() >= deadline {
            return Ok(Shaped {
                ready,
                under_replicated: now.iter().map(|topic| topic.under_replicated).sum(),
                unlike,
            });
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

/// How many topics are there with all the partitions that they get.
fn ready(wanted: &Wanted, before: &Topics, now: &[TopicState]) -> usize {
    let ready = wanted.topics.iter().filter(|topic| {
        let partitions = match before.there.get(&topic.name) {
            Some(found) if !wanted.may_grow.contains(&topic.name) => found.partitions,
            _ => topic.partitions,
        };
        let is = |state: &TopicState| {
            state.exists() && state.name == topic.name && state.partitions >= partitions
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

/// That topics are there otherwise than wanted, by the words about each.
pub(crate) fn told_unlike(unlike: &[String]) -> Option<StepError> {
    let is_told = !unlike.is_empty();
    is_told.then(|| StepError::terminal(Reason::TopicsDiffer, unlike.join("; ")))
}

/// How a topic that is there is otherwise than wanted and is left so. Pure. The numbers of a topic that the spec does not
/// name are nobody's wish, but for too few partitions: then somebody took its name out of the spec.
fn differences(wanted: &Wanted, topic: &TopicSpec, found: &TopicState) -> Vec<String> {
    let (name, is, asked) = (&topic.name, found.partitions, topic.partitions);
    let is_named = wanted.named.contains(name);
    let mut told = Vec::new();
    if is < asked && !wanted.may_grow.contains(name) {
        told.push(format!(
            "topic {name} has {is} partitions and the spec asks for {asked}: in a topic with more of them, events of one \
             entity may overtake each other; set partitions to {is}, or allowKeyRemap to true beside it to consent"
        ));
    }
    if is > asked && is_named {
        told.push(format!(
            "topic {name} has {is} partitions and the spec asks for {asked}: Kafka takes none away; set partitions to {is}"
        ));
    }
    let (is, asked) = (found.replicas, topic.replicas);
    if is != asked && is_named {
        told.push(format!(
            "topic {name} has {is} copies of each partition and the spec asks for {asked}: change that with \
             kafka-reassign-partitions.sh, or set replicas to {is}"
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use crds::TopicName;
    use rstest::rstest;

    use super::*;
    use crate::{
        platform::validate::{ExternalNames, Topic},
        told::is_told,
    };

    #[test]
    fn topics_are_waited_for_until_each_is_known() {
        assert_eq!(require_known(8, 8), Ok(()));
        let error = require_known(7, 8).expect_err("one is missing");
        is_told(Reason::TopicsPending, error.reason.as_str());
        assert!(error.message.starts_with("7 of 8 topics"), "{error}");
    }

    #[rstest]
    #[case::as_wanted(3, 1, true, false, &[])]
    #[case::grows_with_consent(2, 1, true, true, &[])]
    #[case::grows_without(2, 1, true, false, &["has 2 partitions and the spec asks for 3", "allowKeyRemap"])]
    #[case::named_no_longer(2, 1, false, false, &["has 2 partitions and the spec asks for 3"])]
    #[case::shrinks(4, 1, true, true, &["Kafka takes none away; set partitions to 4"])]
    #[case::more_than_the_default(4, 3, false, false, &[])]
    #[case::copies(3, 2, true, false, &["has 2 copies of each partition and the spec asks for 1"])]
    fn what_cannot_be_changed_is_told_with_the_way_out(
        #[case] partitions: i32,
        #[case] replicas: i32,
        #[case] is_named: bool,
        #[case] may_grow: bool,
        #[case] words: &[&str],
    ) {
        let names = ExternalNames::of("tests", "kafka", "differences");
        let topic = Topic {
            name: TopicName::TaskEvents,
            is_named,
            partitions: 3,
            may_grow,
            replicas: 1,
            retention: Duration::from_hours(1),
            config: Vec::new(),
        };
        let wanted = Wanted::of(&names, &[topic]);
        let found = TopicState {
            name: wanted.topics[0].name.clone(),
            error: None,
            partitions,
            replicas,
            under_replicated: 0,
            allowed: Vec::new(),
        };
        let told = told_unlike(&differences(&wanted, &wanted.topics[0], &found));
        assert_eq!(told.is_none(), words.is_empty(), "{told:?}");
        let Some(told) = told else { return };
        is_told(Reason::TopicsDiffer, told.reason.as_str());
        for word in words {
            assert!(told.message.contains(word), "{told}");
        }
        // It is made by the operator, with one partition, and nobody asks for another number.
        let found = TopicState {
            name: wanted.topics[1].name.clone(),
            partitions: 2,
            replicas: 3,
            ..found
        };
        assert_eq!(differences(&wanted, &wanted.topics[1], &found), [""; 0]);
    }
}
