//! Kafka: topics, a SCRAM user per client with literal rights, proved at every broker before its Secret is written.

mod changes;
mod rights;
#[cfg(test)]
mod tests;
mod topics;
mod users;

use std::collections::BTreeMap;

use common_kafka::{Connection, KafkaError, admin::Admin};
use crds::{DeletionPolicy, Reason};

pub(crate) use self::rights::Wanted;
use super::ledger::{Kind, Ledger, Left, Server, Thing, left_behind};
use crate::{
    credentials::{KubeStore, Rotation, Settled, Store},
    platform::{
        Context, States, StepError,
        validate::{KafkaCluster, ValidatedPlatform},
    },
};

/// What stands on Kafka.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicsApplied {
    /// Topics that are there with all their partitions.
    pub ready: usize,
    /// Topics that are wanted.
    pub wanted: usize,
    /// The brokers, as `host:port`.
    pub brokers: Vec<String>,
    /// Each client's login.
    pub logins: BTreeMap<&'static str, Settled>,
}

/// The cluster with the admin login.
fn connection(cluster: &KafkaCluster) -> Connection {
    Connection {
        bootstrap_servers: cluster.bootstrap_servers.clone(),
        security_protocol: Some(cluster.security_protocol.clone()),
        sasl_mechanism: Some(cluster.sasl_mechanism.clone()),
        username: Some(cluster.username.clone()),
        password: Some(cluster.password.clone()),
        ca_pem: cluster.ca_pem.clone(),
    }
}

/// Topics, users and rights as wanted, and the Secrets of the clients.
///
/// # Errors
/// What the cluster or the API server refuses, with the remedy; `TopicsPending` while topics are not known everywhere.
pub async fn ensure(
    cx: &Context,
    p: &ValidatedPlatform,
    states: &States<'_>,
) -> Result<TopicsApplied, StepError> {
    let mut store = KubeStore::open(cx, p).await?;
    let wanted = Wanted::of(&p.external, &p.topics);
    let rotation = Rotation {
        schedule: p.events_credentials,
        usage: states,
        now: cx.clock.now(),
        ids: &*cx.ids,
    };
    converge(&p.kafka, &wanted, &mut store, &rotation).await
}

/// The part of [`ensure`] that knows nothing of Kubernetes.
pub(crate) async fn converge(
    cluster: &KafkaCluster,
    wanted: &Wanted,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<TopicsApplied, StepError> {
    let connection = connection(cluster);
    let admin = Admin::connect(&connection)
        .await
        .map_err(|error| failed(&error))?;
    let topics = topics::look(&admin, wanted, store).await?;
    let users = users::look(&admin, wanted, store).await?;
    store.intend(&wanted.things()).await?;
    let ready = topics::shape(&admin, wanted, &topics).await?;
    let mut applied = TopicsApplied {
        ready,
        wanted: wanted.topics.len(),
        brokers: admin
            .brokers()
            .iter()
            .map(|broker| broker.address.clone())
            .collect(),
        logins: BTreeMap::new(),
    };
    if ready < applied.wanted {
        return Err(StepError::waiting(
            Reason::TopicsPending,
            format!(
                "{ready} of {} topics are known to the brokers; it is looked at again",
                applied.wanted
            ),
        ));
    }
    for client in &wanted.clients {
        let settled =
            users::settle(&connection, &admin, wanted, client, &users, store, rotation).await?;
        applied.logins.insert(client.secret, settled);
    }
    store.made(Server::Kafka).await?;
    Ok(applied)
}

/// An error of the cluster as a condition of the Platform.
fn failed(error: &KafkaError) -> StepError {
    let (reason, remedy) = match error {
        KafkaError::LoginRefused { .. } => (
            Reason::LoginRefused,
            "correct username, password and sasl-mechanism in the Secret of spec.events.kafka",
        ),
        KafkaError::Unreachable { .. } => (
            Reason::BackendUnreachable,
            "check that the brokers run and are reached under the names they advertise, and bootstrap-servers, \
             security-protocol and ca.crt in the Secret of spec.events.kafka",
        ),
        KafkaError::Config(_) | KafkaError::Unreadable { .. } => (
            Reason::SecretInvalid,
            "correct the Secret of spec.events.kafka",
        ),
        KafkaError::Request { .. } => (
            Reason::BackendRefused,
            "the admin login must be a super user of the cluster, and the cluster have an authorizer",
        ),
        KafkaError::Rights { .. } => (
            Reason::BackendRefused,
            "check that nothing else grants or withdraws rights of this user, and that \
             allow.everyone.if.no.acl.found is false",
        ),
    };
    let message = error.to_string().replace('\n', " ");
    StepError::transient(reason, format!("{message}; {remedy}"))
}

/// Drops users and their rights; keeps or drops topics and offsets by policy. What is kept is returned.
///
/// # Errors
/// `LeftBehind` when the cluster cannot be reached, with what is left there.
pub async fn release(
    cx: &Context,
    p: &ValidatedPlatform,
    policy: DeletionPolicy,
) -> Result<Left, StepError> {
    let mut ledger = Ledger::read(cx, p).await?;
    let listed = ledger.on(Server::Kafka);
    if listed.is_empty() {
        return Ok(Left::default());
    }
    let keep = policy == DeletionPolicy::Retain;
    let done = drop_all(&p.kafka, &listed, keep).await;
    done.map_err(|error| left_behind(&error, &listed))?;
    let stays = |thing: &Thing| keep && thing.kind != Kind::Login;
    let (left, dropped): (Vec<_>, Vec<_>) = listed.into_iter().partition(stays);
    ledger.dropped(cx, p, &dropped).await?;
    Ok(Left(left))
}

/// The part of [`release`] that knows nothing of Kubernetes. The ledger lists only what was absent or marked when it was
/// written down, so all of it is ours.
async fn drop_all(cluster: &KafkaCluster, listed: &[Thing], keep: bool) -> Result<(), StepError> {
    let admin = Admin::connect(&connection(cluster))
        .await
        .map_err(|error| failed(&error))?;
    let of_kind = |kind: Kind| {
        let things = listed.iter().filter(move |thing| thing.kind == kind);
        things.map(|thing| thing.name.as_str())
    };
    for user in of_kind(Kind::Login) {
        changes::delete_login(&admin, user).await?;
        users::withdraw(&admin, user).await?;
    }
    if keep {
        return Ok(());
    }
    for topic in of_kind(Kind::Topic) {
        changes::delete_topic(&admin, topic).await?;
    }
    for group in of_kind(Kind::Group) {
        changes::delete_group(&admin, group).await?;
    }
    // Last: until then it marks what is left.
    for marker in of_kind(Kind::Marker) {
        users::withdraw(&admin, marker).await?;
    }
    Ok(())
}
