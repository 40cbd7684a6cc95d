//! The settings of topics that are there.

use std::{collections::BTreeMap, time::Instant};

use common_kafka::admin::{Admin, TopicSpec};

use super::{
    changes, failed,
    topics::{LOOK, SPREAD},
};
use crate::platform::StepError;

/// The settings of topics, by the topic.
pub(super) type Configs = BTreeMap<String, BTreeMap<String, String>>;

/// Sets what is otherwise than wanted of `topics`, whose settings are `now`. The words are about what is so afterwards still: the
/// client does not pass on what Kafka answers about a setting, so that only another look tells.
pub(super) async fn settle(
    admin: &Admin,
    topics: &[&TopicSpec],
    now: &Configs,
) -> Result<Vec<String>, StepError> {
    let differs = |topic: &&&TopicSpec| !differing(topic, now).is_empty();
    let set: Vec<&TopicSpec> = topics.iter().filter(differs).copied().collect();
    for &topic in &set {
        // All of a topic's settings are replaced at once: those that an administrator made go along.
        let mut all = now.get(&topic.name).cloned().unwrap_or_default();
        all.extend(topic.config.iter().cloned());
        let all: Vec<(String, String)> = all.into_iter().collect();
        changes::set_topic_config(admin, topic, &all).await?;
    }
    let deadline = Instant::now() + SPREAD;
    loop {
        let names = set.iter().map(|topic| topic.name.as_str());
        let now = admin.topic_configs(names).await;
        let now = now.map_err(|error| failed(&error))?;
        let told: Vec<String> = set.iter().filter_map(|topic| told(topic, &now)).collect();
        if told.is_empty() || Instant::now() >= deadline {
            return Ok(told);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Name, wanted value and value of each setting that is otherwise than wanted.
fn differing<'a>(
    topic: &'a TopicSpec,
    now: &'a Configs,
) -> Vec<(&'a str, &'a str, Option<&'a str>)> {
    let now = now.get(&topic.name);
    let wanted = topic.config.iter();
    wanted
        .map(|(name, value)| {
            let now = now.and_then(|now| now.get(name));
            (&**name, &**value, now.map(String::as_str))
        })
        .filter(|(_, wanted, now)| *now != Some(*wanted))
        .collect()
}

fn told(topic: &TopicSpec, now: &Configs) -> Option<String> {
    let left = differing(topic, now);
    let each = left.iter().map(|(name, wanted, now)| {
        let now = now.map_or("nothing".to_owned(), |now| format!("{now:?}"));
        format!("{name} was set to {wanted:?} and Kafka shows {now}")
    });
    let each = each.collect::<Vec<_>>().join(", ");
    (!left.is_empty()).then(|| {
        format!(
            "topic {}: {each}; Kafka does not take the name or the value of one of them, or has another form of it: correct \
             config of this topic in spec.events.kafka.topics",
            topic.name
        )
    })
}
