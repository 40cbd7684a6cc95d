//! What is changed on a Kafka cluster, each an act of its own.

use common_clock::Ids;
use common_kafka::{
    KafkaError, RDKafkaErrorCode,
    admin::{Acl, Admin, TopicSpec},
};
use crds::Reason;

use super::failed;
use crate::{
    acts::{self, Act, System},
    credentials::Login,
    platform::StepError,
};

/// Does `work`, which `verb` and `object` tell.
async fn change<T: Send>(
    verb: &'static str,
    object: String,
    work: impl Future<Output = Result<T, KafkaError>> + Send,
) -> Result<T, StepError> {
    let done = acts::act(&Act::new(System::Kafka, verb, object), work).await;
    done.map_err(|error| failed(&error))
}

/// Makes a topic; one that is there stays as it is.
pub(super) async fn create_topic(admin: &Admin, topic: &TopicSpec) -> Result<(), StepError> {
    let act = Act::new(System::Kafka, "creating", format!("topic {}", topic.name));
    // One that is there was made by somebody else.
    let made = acts::perform(&act, admin.create_topic(topic), |made| {
        matches!(made, Ok(true))
    });
    made.await.map(drop).map_err(|error| refused(topic, &error))
}

/// Gives a topic more partitions.
pub(super) async fn grow_topic(admin: &Admin, topic: &TopicSpec) -> Result<(), StepError> {
    let work = admin.grow_topic(&topic.name, topic.partitions);
    change("growing", format!("topic {}", topic.name), work).await
}

/// Replaces the settings of a topic by `config`, those that are wanted and those that others made.
pub(super) async fn set_topic_config(
    admin: &Admin,
    topic: &TopicSpec,
    config: &[(String, String)],
) -> Result<(), StepError> {
    let work = admin.set_topic_config(&topic.name, config);
    change(
        "setting",
        format!("the settings of topic {}", topic.name),
        work,
    )
    .await
}

/// An error about a topic. A setting that Kafka does not take is mended in the spec, and not by another try.
fn refused(topic: &TopicSpec, error: &KafkaError) -> StepError {
    if error.code() != Some(RDKafkaErrorCode::InvalidConfig) {
        return failed(error);
    }
    let names = topic.config.iter().map(|(name, _)| name.as_str());
    StepError::terminal(
        Reason::InvalidSpec,
        format!(
            "{error}; Kafka does not take the name or the value of one of these settings: {}. Correct config of this topic in \
             spec.events.kafka.topics",
            names.collect::<Vec<_>>().join(", ")
        ),
    )
}

/// Deletes a topic, if it is there.
pub(super) async fn delete_topic(admin: &Admin, topic: &str) -> Result<(), StepError> {
    let work = admin.delete_topic(topic);
    change("deleting", format!("topic {topic}"), work).await
}

/// Deletes a consumer group, if it is there.
pub(super) async fn delete_group(admin: &Admin, group: &str) -> Result<(), StepError> {
    let work = admin.delete_group(group);
    change("deleting", format!("group {group}"), work).await
}

/// Sets a password.
pub(super) async fn set_login(
    admin: &Admin,
    login: &Login,
    ids: &dyn Ids,
) -> Result<(), StepError> {
    let work = admin.set_login(&login.user, &login.password, ids);
    change("setting", format!("the password of {}", login.user), work).await
}

/// Deletes a login, if it is there.
pub(super) async fn delete_login(admin: &Admin, user: &str) -> Result<(), StepError> {
    let work = admin.delete_login(user);
    change("deleting", format!("login {user}"), work).await
}

/// Adds rights.
pub(super) async fn grant(admin: &Admin, user: &str, acls: &[Acl]) -> Result<(), StepError> {
    let work = admin.grant(user, acls);
    change("granting", format!("rights of {user}"), work).await
}

/// Withdraws every right.
pub(super) async fn revoke_all(admin: &Admin, user: &str) -> Result<(), StepError> {
    let work = admin.revoke_all(user);
    change("withdrawing", format!("rights of {user}"), work).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Class;

    #[test]
    fn a_setting_that_kafka_does_not_take_is_mended_in_the_spec() {
        let topic = TopicSpec {
            name: "demo.task-events".to_owned(),
            partitions: 1,
            replicas: 1,
            config: vec![("min.insync.replica".to_owned(), "2".to_owned())],
        };
        let error = |code| KafkaError::Request {
            doing: "creating topic demo.task-events".to_owned(),
            code,
            reason: "no".to_owned(),
        };
        let told = refused(&topic, &error(RDKafkaErrorCode::InvalidConfig));
        assert_eq!(
            (told.reason, told.class),
            (Reason::InvalidSpec, Class::Terminal)
        );
        for part in ["demo.task-events", "min.insync.replica", "spec.events"] {
            assert!(told.message.contains(part), "{told}");
        }
        let told = refused(&topic, &error(RDKafkaErrorCode::RequestTimedOut));
        assert_eq!(told.reason, Reason::BackendUnreachable);
    }
}
