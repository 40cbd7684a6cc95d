//! Administering a cluster: topics, SCRAM-SHA-512 logins and their rights.
//!
//! Every call is one request with a time limit; nothing is retried here. None of them logs or returns a password.

mod acl;
mod native;
mod topic;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, OnceLock},
};

use common_clock::Ids;
use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic,
        OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    consumer::Consumer as _,
    error::{KafkaError as ClientError, RDKafkaErrorCode},
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

pub use acl::{Acl, Operation, Resource};
pub use topic::{TopicSpec, TopicState};

pub use crate::login::Broker;
use crate::{
    connection::Connection,
    error::KafkaError,
    login::{ANSWER, LoggedIn, brokers, log_in},
};

/// Rounds of the key derivation of a login: Kafka's own default. Passwords here are random, not chosen.
const ITERATIONS: i32 = 4096;

/// After how many milliseconds a broker ends a connection whose client has not logged in again; 0, the default: never.
const REAUTHENTICATION: &str = "connections.max.reauth.ms";

/// A login with which the cluster can be administered. Its connections stay open until it goes out of scope.
pub struct Admin {
    connection: Connection,
    client: Option<Arc<LoggedIn>>,
    /// A client of its own, with connections and threads of its own: only those who administer topics need it.
    topics: OnceLock<AdminClient<DefaultClientContext>>,
    /// The brokers that never ask for a login again, once that was asked for.
    lasting: OnceCell<Vec<String>>,
}

impl Drop for Admin {
    /// The library's clients wait for their threads when they end: not on a thread that others need.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let clients = (self.client.take(), self.topics.take());
        runtime.spawn_blocking(move || drop(clients));
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin")
            .field("who", &self.connection.describe())
            .finish_non_exhaustive()
    }
}

/// The rights of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Those of the kind that [`Admin::grant`] makes, sorted.
    pub acls: Vec<Acl>,
    /// How many others there are: denials, patterns, other operations.
    pub others: usize,
}

impl Admin {
    /// Logs in.
    ///
    /// # Errors
    /// `KafkaError::LoginRefused` or `KafkaError::Unreachable`, within a few seconds; `KafkaError::Config`.
    pub async fn connect(connection: &Connection) -> Result<Self, KafkaError> {
        let own = connection.clone();
        let client = blocking(move || log_in(&own)).await?;
        Ok(Self {
            connection: connection.clone(),
            client: Some(Arc::new(client)),
            topics: OnceLock::new(),
            lasting: OnceCell::new(),
        })
    }

    /// The brokers of the cluster as they are now.
    ///
    /// # Errors
    /// When none answers.
    pub async fn brokers(&self) -> Result<Vec<Broker>, KafkaError> {
        let doing = "asking for the brokers";
        self.native(move |client| brokers(client, ANSWER).map_err(|error| whole(&error, doing)))
            .await
    }

    /// The client for topics and their settings.
    fn topics_client(&self) -> Result<&AdminClient<DefaultClientContext>, KafkaError> {
        if let Some(client) = self.topics.get() {
            return Ok(client);
        }
        let made = self
            .connection
            .client_config()?
            .create()
            .map_err(|error: ClientError| KafkaError::Config(error.to_string()))?;
        Ok(self.topics.get_or_init(|| made))
    }

    /// Runs one of the native calls where it may block.
    async fn native<T: Send + 'static>(
        &self,
        call: impl FnOnce(&LoggedIn) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T, KafkaError> {
        // Taken by nobody but the destructor.
        let Some(client) = self.client.clone() else {
            return Err(KafkaError::Config("the client has ended".to_owned()));
        };
        blocking(move || call(&client)).await
    }

    /// The topics as they are, in any order, with what this login may do.
    ///
    /// # Errors
    /// When the cluster does not answer. A topic that does not exist is no error.
    pub async fn topics(&self, names: &[String]) -> Result<Vec<TopicState>, KafkaError> {
        let names = names.to_vec();
        self.native(move |client| native::describe_topics(client.client(), ANSWER, &names))
            .await
    }

    /// What this login may do with a group.
    ///
    /// # Errors
    /// When it may not see it.
    pub async fn group(&self, name: &str) -> Result<Vec<Operation>, KafkaError> {
        let name = name.to_owned();
        self.native(move |client| native::describe_group(client.client(), ANSWER, &name))
            .await
    }

    /// Makes a topic. `false`: it was there already, as it is.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn create_topic(&self, topic: &TopicSpec) -> Result<bool, KafkaError> {
        let doing = format!("creating topic {}", topic.name);
        let mut wanted = NewTopic::new(
            &topic.name,
            topic.partitions,
            TopicReplication::Fixed(topic.replicas),
        );
        for (key, value) in &topic.config {
            wanted = wanted.set(key, value);
        }
        let client = self.topics_client()?;
        let results = client.create_topics([&wanted], &options()).await;
        match first(results, &doing)? {
            Ok(_) => Ok(true),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(false),
            Err((_, code)) => Err(KafkaError::request(doing, code)),
        }
    }

    /// Gives a topic more partitions. There is no way back.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn grow_topic(&self, name: &str, partitions: i32) -> Result<(), KafkaError> {
        let doing = format!("giving topic {name} {partitions} partitions");
        let wanted = NewPartitions::new(name, usize::try_from(partitions).unwrap_or_default());
        let client = self.topics_client()?;
        let results = client.create_partitions([&wanted], &options()).await;
        first(results, &doing)?
            .map(drop)
            .map_err(|(_, code)| KafkaError::request(doing, code))
    }

    /// The settings of these topics, which exist, by topic: those that are its own, not the cluster's defaults. One request.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn topic_configs<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, KafkaError> {
        let asked: Vec<_> = names.into_iter().map(ResourceSpecifier::Topic).collect();
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        let doing = "reading the settings of topics";
        let results = self
            .topics_client()?
            .describe_configs(&asked, &options())
            .await
            .map_err(|error| whole(&error, doing))?;
        let mut configs = BTreeMap::new();
        for found in results {
            let found = found.map_err(|code| KafkaError::request(doing, code))?;
            let OwnedResourceSpecifier::Topic(name) = found.specifier else {
                continue;
            };
            let own = found
                .entries
                .into_iter()
                .filter(|entry| entry.source == ConfigSource::DynamicTopic)
                .filter_map(|entry| Some((entry.name, entry.value?)));
            configs.insert(name, own.collect());
        }
        Ok(configs)
    }

    /// Addresses of those brokers that let a connection last for ever, also when its login was removed. Settings of brokers
    /// change with their restart: they are asked once in the life of this client.
    ///
    /// # Errors
    /// When one does not answer, or may not be asked.
    pub async fn lasting_sessions(&self, brokers: &[Broker]) -> Result<&[String], KafkaError> {
        let ask = async {
            let mut lasting = Vec::new();
            for broker in brokers {
                if !self.asks_again(broker).await? {
                    lasting.push(broker.address.clone());
                }
            }
            Ok::<_, KafkaError>(lasting)
        };
        self.lasting
            .get_or_try_init(|| ask)
            .await
            .map(Vec::as_slice)
    }

    /// Whether a broker has its clients log in again.
    async fn asks_again(&self, broker: &Broker) -> Result<bool, KafkaError> {
        let doing = format!("reading the settings of broker {}", broker.address);
        let asked = ResourceSpecifier::Broker(broker.id);
        let client = self.topics_client()?;
        let results = client.describe_configs([&asked], &options()).await;
        let found = first(results, &doing)?.map_err(|code| KafkaError::request(doing, code))?;
        let settings = found.entries.iter();
        Ok(reauthenticates(settings.filter_map(|entry| {
            Some((entry.name.as_str(), entry.value.as_deref()?))
        })))
    }

    /// Replaces the settings of a topic by these; none of them when Kafka does not take one. Whether it took them is seen by
    /// [`Admin::topic_configs`]: `AlterConfigs` of rdkafka 0.39 drops the answer about each topic.
    ///
    /// # Errors
    /// When the cluster refuses the request, or there is none.
    pub async fn set_topic_config(
        &self,
        name: &str,
        config: &[(String, String)],
    ) -> Result<(), KafkaError> {
        let doing = format!("changing the settings of topic {name}");
        let mut wanted = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (key, value) in config {
            wanted = wanted.set(key, value);
        }
        let client = self.topics_client()?;
        let results = client.alter_configs([&wanted], &options()).await;
        first(results, &doing)?
            .map(drop)
            .map_err(|(_, code)| KafkaError::request(doing, code))
    }

    /// Deletes a topic with everything in it; one that is not there is deleted already.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn delete_topic(&self, name: &str) -> Result<(), KafkaError> {
        let doing = format!("deleting topic {name}");
        let client = self.topics_client()?;
        let results = client.delete_topics(&[name], &options()).await;
        match first(results, &doing)? {
            Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => Ok(()),
            Err((_, code)) => Err(KafkaError::request(doing, code)),
        }
    }

    /// Deletes a consumer group with its offsets; one that is not there is deleted already.
    ///
    /// # Errors
    /// When the cluster refuses, for instance because the group has members.
    pub async fn delete_group(&self, name: &str) -> Result<(), KafkaError> {
        let doing = format!("deleting group {name}");
        let client = self.topics_client()?;
        let results = client.delete_groups(&[name], &options()).await;
        match first(results, &doing)? {
            Ok(_) | Err((_, RDKafkaErrorCode::GroupIdNotFound)) => Ok(()),
            Err((_, code)) => Err(KafkaError::request(doing, code)),
        }
    }

    /// Those of the users that have a SCRAM-SHA-512 login. One request.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn logins(&self, users: &[String]) -> Result<BTreeSet<String>, KafkaError> {
        let users = users.to_vec();
        self.native(move |client| native::with_scram(client.client(), ANSWER, &users))
            .await
    }

    /// Makes the user's SCRAM-SHA-512 login, or gives it another password. The salt is ours, the clear password stays
    /// in this process.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn set_login(
        &self,
        user: &str,
        password: &SecretString,
        ids: &dyn Ids,
    ) -> Result<(), KafkaError> {
        let mut salt = [0; 32];
        ids.fill(&mut salt);
        let (user, password) = (user.to_owned(), password.clone());
        self.native(move |client| {
            let wanted = (password.expose_secret().as_bytes(), &salt[..], ITERATIONS);
            native::alter_scram(client.client(), ANSWER, &user, Some(wanted))
        })
        .await
    }

    /// Removes the user's SCRAM-SHA-512 login; one that is not there is removed already.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn delete_login(&self, user: &str) -> Result<(), KafkaError> {
        let user = user.to_owned();
        let done = self
            .native(move |client| native::alter_scram(client.client(), ANSWER, &user, None))
            .await;
        match done {
            Err(error) if error.code() == Some(RDKafkaErrorCode::ResourceNotFound) => Ok(()),
            done => done,
        }
    }

    /// The rights of the user.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn rights(&self, user: &str) -> Result<Rights, KafkaError> {
        let user = user.to_owned();
        let (mut acls, others) = self
            .native(move |client| native::describe_acls(client.client(), ANSWER, &user))
            .await?;
        acls.sort();
        acls.dedup();
        Ok(Rights { acls, others })
    }

    /// Adds rights to the user's. Those it has stay.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn grant(&self, user: &str, acls: &[Acl]) -> Result<(), KafkaError> {
        let (user, acls) = (user.to_owned(), acls.to_vec());
        self.native(move |client| native::create_acls(client.client(), ANSWER, &user, &acls))
            .await
    }

    /// Withdraws every right of the user.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub async fn revoke_all(&self, user: &str) -> Result<(), KafkaError> {
        let user = user.to_owned();
        self.native(move |client| native::delete_acls(client.client(), ANSWER, &user))
            .await
    }
}

/// Runs what waits for a broker on a thread that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, KafkaError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| KafkaError::Config(format!("the Kafka client stopped: {error}")))?
}

/// Whether settings of a broker end its connections after a time, at one of its listeners at least: the setting may stand for
/// all, or begin with the name of a listener and of a mechanism.
fn reauthenticates<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    settings.into_iter().any(|(name, value)| {
        let whole = name == REAUTHENTICATION;
        let is_it = whole || name.ends_with(&format!(".{REAUTHENTICATION}"));
        is_it && value.parse().is_ok_and(|limit: i64| limit > 0)
    })
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ANSWER))
        .operation_timeout(Some(ANSWER))
}

/// The only result of a request about one thing.
fn first<T>(results: Result<Vec<T>, ClientError>, doing: &str) -> Result<T, KafkaError> {
    let results = results.map_err(|error| whole(&error, doing))?;
    let none = || KafkaError::request(doing, RDKafkaErrorCode::Unknown);
    results.into_iter().next().ok_or_else(none)
}

/// The error of a whole request.
fn whole(error: &ClientError, doing: &str) -> KafkaError {
    let code = error.rdkafka_error_code();
    KafkaError::request(doing, code.unwrap_or(RDKafkaErrorCode::Unknown))
}

#[cfg(test)]
mod tests {
    use super::reauthenticates;

    #[test]
    fn a_limit_may_stand_for_all_listeners_or_for_one() {
        for (expected, settings) in [
            (true, &[("connections.max.reauth.ms", "60000")][..]),
            (
                true,
                &[
                    ("connections.max.reauth.ms", "0"),
                    (
                        "listener.name.sasl.scram-sha-512.connections.max.reauth.ms",
                        "1000",
                    ),
                ],
            ),
            (false, &[("connections.max.reauth.ms", "0")]),
            (false, &[("connections.max.idle.ms", "600000")]),
            (false, &[]),
        ] {
            assert_eq!(reauthenticates(settings.iter().copied()), expected);
        }
    }
}
