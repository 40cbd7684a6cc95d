//! The settings of a topic that is there.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use common_kafka::admin::{Admin, TopicSpec};

use super::{changes, failed};
use crate::platform::StepError;

/// How long a changed setting is waited for: until the broker that is asked has it too.
const SPREAD: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(100);

/// Sets what is otherwise than wanted. The words are about what is so afterwards still: the client does not pass on what Kafka
/// answers about a setting, so that only another look tells.
pub(super) async fn settle(
    admin: &Admin,
    topic: &TopicSpec,
    mut now: BTreeMap<String, String>,
) -> Result<Option<String>, StepError> {
    if differing(topic, &now).is_empty() {
        return Ok(None);
    }
    // All of a topic's settings are replaced at once: those that an administrator made go along.
    now.extend(topic.config.iter().cloned());
    let all: Vec<(String, String)> = now.into_iter().collect();
    changes::set_topic_config(admin, topic, &all).await?;
    let deadline = Instant::now() + SPREAD;
    loop {
        let configs = admin.topic_configs([topic.name.as_str()]).await;
        let mut configs = configs.map_err(|error| failed(&error))?;
        let now = configs.remove(&topic.name).unwrap_or_default();
        let left = differing(topic, &now);
        if left.is_empty() {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Ok(Some(told(topic, &left)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Name, wanted value and value of each setting that is otherwise than wanted.
fn differing<'a>(
    topic: &'a TopicSpec,
    now: &'a BTreeMap<String, String>,
) -> Vec<(&'a str, &'a str, Option<&'a str>)> {
    let wanted = topic.config.iter();
    wanted
        .map(|(name, value)| (&**name, &**value, now.get(name).map(String::as_str)))
        .filter(|(_, wanted, now)| *now != Some(*wanted))
        .collect()
}

fn told(topic: &TopicSpec, left: &[(&str, &str, Option<&str>)]) -> String {
    let each = left.iter().map(|(name, wanted, now)| {
        let now = now.map_or("nothing".to_owned(), |now| format!("{now:?}"));
        format!("{name} was set to {wanted:?} and Kafka shows {now}")
    });
    format!(
        "topic {}: {}; Kafka does not take the name or the value of one of them, or has another form of it: correct config of \
         this topic in spec.events.kafka.topics",
        topic.name,
        each.collect::<Vec<_>>().join(", ")
    )
}
