//! Section `[events]` of the configuration.

use std::path::PathBuf;

use common_config::{AppConfig, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which broker carries the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Within the process: tests, and all roles in one process.
    Memory,
    /// Apache Kafka.
    Kafka,
    /// RabbitMQ 3.10 or newer.
    Rabbitmq,
    /// Redis 7 streams.
    Redis,
}

/// How events travel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsConfig {
    /// The broker. There is no default: events that go nowhere would look like events that nobody sent.
    pub transport: Transport,
    /// First part of every name on the broker: `<topic_prefix>.task-events`.
    #[serde(default = "default_prefix")]
    pub topic_prefix: String,
    /// The `CloudEvents` source of the events recorded here, a URI reference.
    #[serde(default = "default_source")]
    pub source: String,
    /// Address and login of RabbitMQ (`amqp://`, `amqps://`) or Redis (`redis://`, `rediss://`).
    #[serde(default)]
    pub url: Option<SecretRef>,
    /// Certificate authority (PEM) that signed the broker's certificate, for RabbitMQ and Redis.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Kafka: folder with `bootstrap-servers`, `username`, `password`, `ca.crt`, `security-protocol`, `sasl-mechanism`.
    #[serde(default)]
    pub kafka_directory: Option<PathBuf>,
    /// Kafka without a login: `host:port[,host:port…]`.
    #[serde(default)]
    pub kafka_bootstrap_servers: Option<String>,
}

impl AppConfig for EventsConfig {
    const SECTION: &'static str = "events";
}

fn default_prefix() -> String {
    "crewdeck".to_owned()
}

fn default_source() -> String {
    "/crewdeck".to_owned()
}

impl EventsConfig {
    /// The configuration of a transport with nothing else set.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            topic_prefix: default_prefix(),
            source: default_source(),
            url: None,
            ca_file: None,
            kafka_directory: None,
            kafka_bootstrap_servers: None,
        }
    }

    /// Refuses a transport that ends at this process.
    ///
    /// # Errors
    /// [`NoBroker`] for `memory`.
    pub fn require_broker(&self) -> Result<(), NoBroker> {
        match self.transport {
            Transport::Memory => Err(NoBroker),
            _ => Ok(()),
        }
    }
}

/// A role with other processes to reach has a transport that reaches none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "events.transport = \"memory\" reaches no other process; name a broker, or run all roles in one process with `crewdeck dev`"
)]
pub struct NoBroker;
