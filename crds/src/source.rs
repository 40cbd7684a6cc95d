//! The servers that the user brings, and what becomes of the data on them.
#![expect(
    unreachable_pub,
    reason = "the derive of KubeSchema repeats each struct in a scope of its own"
)]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of a Secret in the Platform's namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SecretReference {
    /// Name of the Secret. Endpoint and admin login stand in it together, in the keys of the Service Binding
    /// convention.
    #[schemars(
        length(min = 1, max = 253),
        regex(pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
    )]
    pub name: String,
}

/// What becomes of data on a server when the Platform is deleted. Logins always go.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionPolicy {
    /// It stays.
    #[default]
    Retain,
    /// It is dropped.
    Delete,
}

/// How often the logins of the roles are changed. A change waits until every pod uses the new login, and fails no request.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CredentialsSpec {
    /// Seconds from one login to the next; 30 days.
    #[schemars(range(min = 30, max = 31_536_000))]
    pub rotation_period_seconds: i64,
    /// Raise it by one to change the logins before their date.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rotation: i64,
    /// Seconds for which a session of a former login may go on with its work on PostgreSQL or Redis before it is cut off. On
    /// Kafka the broker's connections.max.reauth.ms says so.
    #[schemars(range(min = 1, max = 86_400))]
    pub session_patience_seconds: i64,
}

impl Default for CredentialsSpec {
    fn default() -> Self {
        Self {
            rotation_period_seconds: 30 * 86_400,
            rotation: 0,
            session_patience_seconds: 120,
        }
    }
}

/// PostgreSQL 15 or newer, with or without a streaming replica.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseSpec {
    /// Secret with `host`, `port`, `username`, `password`, `ca.crt` and, for a replica, `replica-host` and
    /// `replica-port`.
    pub secret_ref: SecretReference,
    /// Whether both databases are dropped with the Platform.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// How often its logins are changed.
    #[serde(default)]
    pub credentials: CredentialsSpec,
    /// Connections that each login may have open at once, at each of the two servers; as many as the server has when it is left
    /// out. Each pod of web, worker, beat and realtime opens up to 10 with the login of the application
    /// (`CREWDECK_DATABASE_MAX_CONNECTIONS` in extraEnv is another number); a request that finds none left waits, and fails
    /// after five seconds, and a new pod that finds none is not ready: leave room for the pods that a roll adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 100_000))]
    pub connection_limit: Option<i32>,
    /// Seconds that the replica may be behind; 60 when it is left out. When it is further behind, `DatabaseReady` and an alert
    /// tell so; analytics goes on, and says of its figures as of when they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 86_400))]
    pub maximum_replica_lag_seconds: Option<i64>,
}

/// Redis 7 or newer.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisSpec {
    /// Secret with `host`, `port`, `username`, `password`, `ca.crt`.
    pub secret_ref: SecretReference,
    /// Whether the keys of the Platform's namespaces are dropped with it.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// How often its logins are changed.
    #[serde(default)]
    pub credentials: CredentialsSpec,
}

/// How events travel: a union on `transport`.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("self.transport != 'Kafka' || has(self.kafka)").message("events.kafka is required when events.transport is Kafka"))]
pub struct EventsSpec {
    /// The transport.
    pub transport: Transport,
    /// Settings of the transport `Kafka`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaSpec>,
}

/// Transports that the operator provisions.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Apache Kafka.
    Kafka,
}

/// Kafka 4 with SASL SCRAM-SHA-512 and an authorizer.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaSpec {
    /// Secret with `bootstrap-servers`, `username`, `password`, `sasl-mechanism`, `security-protocol`, `ca.crt`.
    pub secret_ref: SecretReference,
    /// Settings of single topics; a topic that is not named has the defaults.
    #[serde(default)]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub topics: Vec<TopicSpec>,
    /// Whether topics and their messages are dropped with the Platform.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// How often its logins are changed.
    #[serde(default)]
    pub credentials: CredentialsSpec,
}

/// Settings of one topic and its dead-letter topic.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!has(self.config) || self.config.all(setting, setting.name != 'min.insync.replicas' || (setting.value.matches('^[0-9]{1,4}$') && int(setting.value) <= self.replicas))").message("config sets min.insync.replicas to more than replicas, or to no number: nothing could be written; set replicas beside it to as many or more"))]
pub struct TopicSpec {
    /// Name without the Platform's prefix.
    pub name: TopicName,
    /// Partitions. Events of one entity keep their order within one. A topic that is there gets more of them only with
    /// `allowKeyRemap`; Kafka takes none away.
    #[serde(default = "TopicSpec::default_partitions")]
    #[schemars(range(min = 1, max = 1_000))]
    pub partitions: i32,
    /// Whether a topic that is there may get more partitions: events of one entity then go to another partition than
    /// before, and the new ones may overtake those that are not read yet.
    #[serde(default)]
    pub allow_key_remap: bool,
    /// Copies of each partition of a topic that is made; those of a topic that is there are changed with Kafka's own tools.
    #[serde(default = "TopicSpec::default_replicas")]
    #[schemars(range(min = 1, max = 15))]
    pub replicas: i32,
    /// Seconds for which messages are kept. A consumer that is away for longer misses some.
    #[serde(default = "TopicSpec::default_retention_seconds")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub retention_seconds: i64,
    /// Further settings, such as `min.insync.replicas`. Those that nobody names here stay as they are on the topic, also when
    /// they were named before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub config: Vec<TopicSetting>,
}

/// A setting of a topic.
#[derive(KubeSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct TopicSetting {
    /// Its name, as Kafka has it.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[a-z][a-z0-9.]*$"))]
    #[x_kube(validation = Rule::new("self != 'retention.ms'").message("config may not set retention.ms: set retentionSeconds beside it"))]
    pub name: String,
    /// Its value, in the form in which Kafka shows it.
    #[schemars(length(min = 1, max = 256))]
    pub value: String,
}

impl TopicSetting {
    /// Whether another field of the topic sets what bears this name.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        name == "retention.ms"
    }
}

impl TopicSpec {
    /// A topic with the defaults.
    #[must_use]
    pub fn of(name: TopicName) -> Self {
        Self {
            name,
            partitions: Self::default_partitions(),
            allow_key_remap: false,
            replicas: Self::default_replicas(),
            retention_seconds: Self::default_retention_seconds(),
            config: Vec::new(),
        }
    }

    fn default_partitions() -> i32 {
        3
    }

    fn default_replicas() -> i32 {
        1
    }

    fn default_retention_seconds() -> i64 {
        604_800
    }
}

/// The topics of a Platform.
#[derive(
    JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord,
)]
#[serde(rename_all = "kebab-case")]
pub enum TopicName {
    /// What people did to users and teams.
    UserActivities,
    /// What happened to tasks.
    TaskEvents,
    /// What analytics found.
    AnalyticsEvents,
    /// What the platform itself reports.
    SystemNotifications,
}

impl TopicName {
    /// Every topic.
    pub const ALL: [Self; 4] = [
        Self::UserActivities,
        Self::TaskEvents,
        Self::AnalyticsEvents,
        Self::SystemNotifications,
    ];

    /// The name without the Platform's prefix.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserActivities => "user-activities",
            Self::TaskEvents => "task-events",
            Self::AnalyticsEvents => "analytics-events",
            Self::SystemNotifications => "system-notifications",
        }
    }
}
