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

/// A login with which the cluster can be administered. Its connections stay open until it goes out of scope.
pub struct Admin {
    connection: Connection,
    client: Option<Arc<LoggedIn>>,
    /// A client of its own, with connections and threads of its own: only those who administer topics need it.
    topics: OnceLock<AdminClient<DefaultClientContext>>,
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

    /// Replaces the settings of a topic by these.
    ///
    /// # Errors
    /// When the cluster refuses.
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
