//! Kafka: `CloudEvents` binary mode (`ce_` headers), key = entity, idempotent producer; no Kafka transactions.
//!
//! A shared group commits the offset of what was acknowledged. A broadcast assigns itself every partition, from its end
//! on, and never joins its group: `<prefix>.broadcast` is only the name that the client insists on.

mod client;
mod login;
mod producer;
mod settler;
mod source;
#[cfg(all(test, feature = "testing"))]
mod tests;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use common_kafka::KafkaConfig;
use futures::future::join_all;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::FutureRecord,
};
use tokio_util::sync::CancellationToken;

use self::{login::Login, producer::Producer, source::KafkaSource};
use crate::{
    envelope::{DATA_CONTENT_TYPE, Envelope},
    error::EventError,
    topic::{Channel, Group, Topic},
    transport::{ChangingLogin, EventPublisher, EventSubscriber, Subscription},
};

const NAME: &str = "kafka";
/// Longest wait for an answer that is not about a message.
const ANSWER: Duration = Duration::from_secs(10);

/// Publisher and subscriber of one Kafka cluster, under one prefix.
pub(crate) struct Kafka {
    prefix: String,
    login: Arc<Login>,
    producer: Arc<Producer>,
}

impl Kafka {
    /// The cluster and login of `config`, whose settings are `base` now. Connects when first used.
    pub(crate) fn new(
        config: KafkaConfig,
        base: ClientConfig,
        prefix: &str,
    ) -> Result<Self, EventError> {
        let login = Arc::new(Login::new(config, base));
        Ok(Self {
            prefix: prefix.to_owned(),
            producer: Arc::new(Producer::new(&login)?),
            login,
        })
    }

    async fn open(&self, channels: Vec<Channel>, group: Group) -> Result<Subscription, EventError> {
        let topics: HashMap<String, Channel> = channels
            .into_iter()
            .map(|channel| (channel.name(&self.prefix), channel))
            .collect();
        let (login, producer) = (Arc::clone(&self.login), Arc::clone(&self.producer));
        let source = KafkaSource::open(login, producer, &self.prefix, topics, group).await?;
        Ok(Subscription::new(NAME, source))
    }
}

#[async_trait]
impl ChangingLogin for Kafka {
    fn epoch(&self) -> u64 {
        self.login.epoch()
    }

    async fn follow(&self, stop: &CancellationToken) {
        while stop
            .run_until_cancelled(self.login.changed())
            .await
            .is_some()
        {
            self.producer.renew(&self.login);
        }
    }
}

/// An error while `doing` something.
fn failed(doing: impl Into<String>) -> impl FnOnce(KafkaError) -> EventError {
    move |source| EventError::unavailable(NAME, doing, source)
}

/// The headers of an event; `extra` are those of a dead letter.
fn headers<'a>(
    attributes: &'a [(&'static str, String)],
    extra: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> OwnedHeaders {
    let headers = OwnedHeaders::new().insert(Header {
        key: "content-type",
        value: Some(DATA_CONTENT_TYPE),
    });
    let headers = attributes.iter().fold(headers, |headers, (name, value)| {
        headers.insert(Header {
            key: &format!("ce_{name}"),
            value: Some(value),
        })
    });
    extra.into_iter().fold(headers, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}

#[async_trait]
impl EventPublisher for Kafka {
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError> {
        let name = Channel::live(topic).name(&self.prefix);
        let producer = self.producer.current();
        let doing = || format!("publishing to {name}");
        let mut confirmations = Vec::with_capacity(batch.len());
        for event in batch {
            let payload = event.data.to_string();
            let attributes = event.attributes();
            let record = FutureRecord::to(&name)
                .key(&event.subject)
                .payload(&payload)
                .headers(headers(&attributes, []));
            // Enqueued here and now, so the order of the batch is the order on the wire.
            match producer.send_result(record) {
                Ok(confirmation) => confirmations.push(confirmation),
                Err((source, _)) => return Err(failed(doing())(source)),
            }
        }
        // All of them, also after a failure: a second attempt must not overtake what is still on its way.
        for confirmed in join_all(confirmations).await {
            match confirmed {
                Ok(Ok(_)) => {}
                Ok(Err((source, _))) => return Err(failed(doing())(source)),
                Err(cancelled) => return Err(EventError::unavailable(NAME, doing(), cancelled)),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl EventSubscriber for Kafka {
    async fn subscribe(&self, topics: &[Topic], group: Group) -> Result<Subscription, EventError> {
        self.open(topics.iter().copied().map(Channel::live).collect(), group)
            .await
    }

    async fn dead_letters(&self, topic: Topic, group: Group) -> Result<Subscription, EventError> {
        self.open(vec![Channel::dead(topic)], group).await
    }
}
