//! Kafka: topics, a SCRAM user per client with literal rights, proved at every broker before its Secret is written.

mod changes;
mod rights;
mod settings;
#[cfg(test)]
mod tests;
mod topics;
mod users;

use std::collections::BTreeMap;

use common_kafka::{
    Connection, KafkaError, RDKafkaErrorCode,
    admin::{Admin, Broker},
};
use crds::{DeletionPolicy, Reason};

pub(crate) use self::{rights::Wanted, topics::told_unlike};
use super::ledger::{Kind, Ledger, Left, Server, Thing, left_behind};
use crate::{
    credentials::{Belief, KubeStore, Rotation, Settled, Store},
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
    /// Partitions of which some copy is behind or away.
    pub under_replicated: usize,
    /// How topics are otherwise than wanted and left so, in words.
    pub unlike: Vec<String>,
    /// The brokers, as `host:port`.
    pub brokers: Vec<String>,
    /// Each client's login.
    pub logins: BTreeMap<&'static str, Settled>,
    /// What is to be mended on the cluster, though all works.
    pub warning: Option<String>,
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
    ledger: &Ledger,
    states: &States<'_>,
    belief: Belief,
) -> Result<TopicsApplied, StepError> {
    let mut store = KubeStore::new(cx, p, ledger);
    let wanted = Wanted::of(&p.external, &p.topics);
    let rotation = Rotation::of(cx, states, p.events_credentials, belief);
    let connection = connection(&p.kafka);
    let done = async {
        let admin = cx.administrators.kafka.get(&connection).await;
        let admin = admin.map_err(|error| failed(&error))?;
        converge(&admin, &connection, &wanted, &mut store, &rotation).await
    };
    let done = done.await;
    if done.as_ref().is_err_and(is_of_cluster) {
        cx.administrators.kafka.forget(&connection).await;
    }
    done
}

/// Whether an administrator who is logged in may be why.
fn is_of_cluster(error: &StepError) -> bool {
    matches!(
        error.reason,
        Reason::BackendUnreachable | Reason::BackendRefused | Reason::LoginRefused
    )
}

/// The part of [`ensure`] that knows nothing of Kubernetes.
pub(crate) async fn converge(
    admin: &Admin,
    connection: &Connection,
    wanted: &Wanted,
    store: &mut dyn Store,
    rotation: &Rotation<'_>,
) -> Result<TopicsApplied, StepError> {
    let topics = topics::look(admin, wanted, store).await?;
    let users = users::look(admin, wanted, store).await?;
    let brokers = admin.brokers().await.map_err(|error| failed(&error))?;
    store.intend(&wanted.things()).await?;
    let topics::Shaped {
        ready,
        under_replicated,
        unlike,
    } = topics::shape(admin, wanted, &topics).await?;
    let mut applied = TopicsApplied {
        ready,
        wanted: wanted.topics.len(),
        under_replicated,
        unlike,
        brokers: brokers
            .iter()
            .map(|broker| broker.address.clone())
            .collect(),
        logins: BTreeMap::new(),
        warning: lasting_sessions(admin, &brokers).await,
    };
    topics::require_known(ready, applied.wanted)?;
    let cluster = users::Cluster {
        connection,
        admin,
        brokers: &brokers,
    };
    for client in &wanted.clients {
        let settled = users::settle(&cluster, wanted, client, &users, store, rotation).await?;
        applied.logins.insert(client.secret, settled);
    }
    store.made(Server::Kafka).await?;
    Ok(applied)
}

/// What is wrong with brokers that let a session of a login that was ended go on, and how to mend that.
async fn lasting_sessions(admin: &Admin, brokers: &[Broker]) -> Option<String> {
    match admin.lasting_sessions(brokers).await {
        Ok([]) => None,
        Ok(lasting) => Some(format!(
            "Kafka works, but without connections.max.reauth.ms a session of a login that was ended stays connected, without \
             rights, for as long as it likes. Set it in server.properties (3600000, an hour, say) of these brokers: {}",
            lasting.join(", ")
        )),
        // An administrator may lack the right to ask: nothing depends on it.
        Err(error) => {
            tracing::debug!(%error, "the brokers do not tell whether sessions last");
            None
        }
    }
}

/// Whether the brokers refused the login: at once, or of a client that was logged in and had to do it again.
fn is_login_refused(error: &KafkaError) -> bool {
    let codes = [
        RDKafkaErrorCode::Authentication,
        RDKafkaErrorCode::SaslAuthenticationFailed,
    ];
    matches!(error, KafkaError::LoginRefused { .. })
        || error.code().is_some_and(|code| codes.contains(&code))
}

/// Whether no broker answers, or none any more.
fn is_unreachable(error: &KafkaError) -> bool {
    let codes = [
        RDKafkaErrorCode::OperationTimedOut,
        RDKafkaErrorCode::RequestTimedOut,
        RDKafkaErrorCode::BrokerTransportFailure,
        RDKafkaErrorCode::AllBrokersDown,
        RDKafkaErrorCode::NetworkException,
    ];
    matches!(error, KafkaError::Unreachable { .. })
        || error.code().is_some_and(|code| codes.contains(&code))
}

/// An error of the cluster as a condition of the Platform.
fn failed(error: &KafkaError) -> StepError {
    let (reason, remedy) = match error {
        error if error.code() == Some(RDKafkaErrorCode::NonEmptyGroup) => {
            return StepError::waiting(
                Reason::Deleting,
                format!(
                    "{error}; whoever was killed is a member until its session ends, within 45 s"
                ),
            );
        }
        error if is_login_refused(error) => (
            Reason::LoginRefused,
            "correct username, password and sasl-mechanism in the Secret of spec.events.kafka",
        ),
        error if is_unreachable(error) => (
            Reason::BackendUnreachable,
            "check that the brokers run and are reached under the names they advertise, and bootstrap-servers, \
             security-protocol and ca.crt in the Secret of spec.events.kafka",
        ),
        KafkaError::Config(_) | KafkaError::Unreadable { .. } => (
            Reason::SecretInvalid,
            "correct the Secret of spec.events.kafka",
        ),
        KafkaError::Rights { .. } => (
            Reason::BackendRefused,
            "check that nothing else grants or withdraws rights of this user, and that \
             allow.everyone.if.no.acl.found is false",
        ),
        _ => (
            Reason::BackendRefused,
            "the admin login must be a super user of the cluster, and the cluster have an authorizer",
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
    let ledger = Ledger::read(cx, p).await?;
    let listed = ledger.on(Server::Kafka);
    if listed.is_empty() {
        return Ok(Left::default());
    }
    let keep = policy == DeletionPolicy::Retain;
    let connection = connection(&p.kafka);
    let done = async {
        let admin = cx.administrators.kafka.get(&connection).await;
        drop_all(&*admin.map_err(|error| failed(&error))?, &listed, keep).await
    };
    if let Err(error) = done.await {
        if is_of_cluster(&error) {
            cx.administrators.kafka.forget(&connection).await;
        }
        return Err(left_behind(&error, &listed));
    }
    let stays = |thing: &Thing| keep && thing.kind != Kind::Login;
    let (left, dropped): (Vec<_>, Vec<_>) = listed.into_iter().partition(stays);
    ledger.dropped(cx, p, &dropped).await?;
    Ok(Left(left))
}

/// The part of [`release`] that knows nothing of Kubernetes. The ledger lists only what was absent or marked when it was
/// written down, so all of it is ours.
async fn drop_all(admin: &Admin, listed: &[Thing], keep: bool) -> Result<(), StepError> {
    let of_kind = |kind: Kind| {
        let things = listed.iter().filter(move |thing| thing.kind == kind);
        things.map(|thing| thing.name.as_str())
    };
    for user in of_kind(Kind::Login) {
        changes::delete_login(admin, user).await?;
        users::withdraw(admin, user).await?;
    }
    if keep {
        return Ok(());
    }
    for topic in of_kind(Kind::Topic) {
        changes::delete_topic(admin, topic).await?;
    }
    for group in of_kind(Kind::Group) {
        changes::delete_group(admin, group).await?;
    }
    // Last: until then it marks what is left.
    for marker in of_kind(Kind::Marker) {
        users::withdraw(admin, marker).await?;
    }
    Ok(())
}
