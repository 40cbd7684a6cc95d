//! What is changed on a Kafka cluster, each an act of its own.

use common_clock::Ids;
use common_kafka::{
    KafkaError,
    admin::{Acl, Admin, TopicSpec},
};

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
    made.await.map(drop).map_err(|error| failed(&error))
}

/// Gives a topic more partitions.
pub(super) async fn grow_topic(admin: &Admin, topic: &TopicSpec) -> Result<(), StepError> {
    let work = admin.grow_topic(&topic.name, topic.partitions);
    change("growing", format!("topic {}", topic.name), work).await
}

/// Replaces the settings of a topic.
pub(super) async fn set_topic_config(
    admin: &Admin,
    topic: &str,
    config: &[(String, String)],
) -> Result<(), StepError> {
    let work = admin.set_topic_config(topic, config);
    change("setting", format!("the settings of topic {topic}"), work).await
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
