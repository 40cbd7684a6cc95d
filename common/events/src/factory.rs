//! From the configuration to a publisher and a subscriber.

use std::sync::Arc;

use common_clock::SharedIds;
use common_kafka::KafkaConfig;
use secrecy::ExposeSecret as _;

use crate::{
    backends::{kafka::Kafka, memory::MemoryBus, rabbitmq::RabbitMq, redis::Redis},
    config::{EventsConfig, Transport},
    error::EventError,
    transport::{ChangingLogin, EventPublisher, EventSubscriber},
};

/// Both ends of a transport.
pub struct Ends {
    /// Sends.
    pub publisher: Arc<dyn EventPublisher>,
    /// Receives.
    pub subscriber: Arc<dyn EventSubscriber>,
    /// The login, of a transport that can change it: somebody has to follow it.
    pub login: Option<Arc<dyn ChangingLogin>>,
}

/// Opens the transport of the configuration. `bus` is the one that all roles of this process share; only transport
/// `memory` uses it.
///
/// # Errors
/// `EventError::Config` if a key is missing or a file cannot be read, `EventError::Unavailable` if the broker is away.
pub async fn factory(
    config: &EventsConfig,
    bus: &MemoryBus,
    ids: &SharedIds,
) -> Result<Ends, EventError> {
    Ok(match config.transport {
        Transport::Memory => ends(bus.clone()),
        Transport::Kafka => kafka(config)?,
        Transport::Rabbitmq => {
            let url = url(config)?;
            ends(
                RabbitMq::connect(url.expose_secret(), ca(config)?, &config.topic_prefix, ids)
                    .await?,
            )
        }
        Transport::Redis => {
            let url = url(config)?;
            ends(Redis::connect(url.expose_secret(), ca(config)?, &config.topic_prefix, ids).await?)
        }
    })
}

fn ends<T: EventPublisher + EventSubscriber + 'static>(transport: T) -> Ends {
    let transport = Arc::new(transport);
    Ends {
        publisher: Arc::clone(&transport) as Arc<dyn EventPublisher>,
        subscriber: transport,
        login: None,
    }
}

fn url(config: &EventsConfig) -> Result<secrecy::SecretString, EventError> {
    let url = config.url.as_ref();
    let url = url.ok_or_else(|| {
        EventError::Config(format!(
            "transport {:?} needs url or url_file",
            config.transport
        ))
    })?;
    url.read()
        .map_err(|error| EventError::Config(error.to_string()))
}

fn ca(config: &EventsConfig) -> Result<Option<Vec<u8>>, EventError> {
    let read = config.ca_file.as_ref().map(|path| {
        std::fs::read(path)
            .map_err(|error| EventError::Config(format!("ca_file {}: {error}", path.display())))
    });
    read.transpose()
}

fn kafka(config: &EventsConfig) -> Result<Ends, EventError> {
    let cluster = KafkaConfig {
        directory: config.kafka_directory.clone(),
        bootstrap_servers: config.kafka_bootstrap_servers.clone(),
        ..KafkaConfig::default()
    };
    let base = cluster
        .client_config()
        .map_err(|error| EventError::Config(error.to_string()))?;
    let kafka = Arc::new(Kafka::new(cluster, base, &config.topic_prefix)?);
    Ok(Ends {
        publisher: Arc::clone(&kafka) as Arc<dyn EventPublisher>,
        subscriber: Arc::clone(&kafka) as Arc<dyn EventSubscriber>,
        login: Some(kafka),
    })
}
