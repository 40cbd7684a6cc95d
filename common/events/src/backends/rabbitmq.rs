//! RabbitMQ: AMQP binding of `CloudEvents` (`cloudEvents:` properties) on the direct exchange `<prefix>.events`.
//!
//! A group has a durable quorum queue per topic with a single active consumer, so that an entity's events stay in order;
//! the next consumer takes over. The queue is made by the group's first subscription and gets what is published from
//! then on. A broadcast has a queue of its own that outlives a lost connection by a minute. Nothing here relies on the
//! client's own recovery: after an error the connection is made anew, and what was not acknowledged comes again. What a
//! live consumer left unsettled is kept here and handed out again: sent back, a quorum queue would put it behind what
//! follows it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use common_clock::SharedIds;
use futures::{FutureExt as _, StreamExt as _, future::join_all, stream::SelectAll};
use lapin::{
    BasicProperties, Channel as Link, Confirmation, Connection, ConnectionBuilder,
    ConnectionProperties, Consumer, ExchangeKind,
    message::Delivery as Message,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    },
    tcp::OwnedTLSConfig,
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::sync::Mutex;

use crate::{
    envelope::{DATA_CONTENT_TYPE, Envelope},
    error::EventError,
    topic::{Channel, Group, Topic},
    transport::{Delivery, EventPublisher, EventSubscriber, Failure, Settle, Source, Subscription},
};

const NAME: &str = "rabbitmq";
/// Prefix of the attributes in the AMQP binding.
const ATTRIBUTE: &str = "cloudEvents:";
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the queue of a broadcast waits for its consumer, in milliseconds.
const BROADCAST_LIFE: i32 = 60_000;
/// Reply code of AMQP 0.9.1: no error.
const CLOSED: u16 = 200;
/// Delivery mode of AMQP 0.9.1: written to disk.
const PERSISTENT: u8 = 2;

/// Publisher and subscriber of one virtual host, under one prefix.
pub(crate) struct RabbitMq {
    broker: Arc<Broker>,
    ids: SharedIds,
    publishing: Mutex<Option<Session>>,
}

/// Where the broker is, and our names on it.
struct Broker {
    url: String,
    tls: OwnedTLSConfig,
    prefix: String,
}

/// A connection and the one channel on it.
struct Session {
    channel: Link,
    connection: Connection,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Before the library cancels the consumers one by one: a cancelled consumer keeps what it holds until its
        // connection ends, and the next one would meanwhile get what comes after that. The close is on its way with the
        // first poll; nobody waits for the answer.
        let _ = self.connection.close(CLOSED, "OK".into()).now_or_never();
    }
}

fn failed(doing: impl Into<String>) -> impl FnOnce(lapin::Error) -> EventError {
    move |source| EventError::unavailable(NAME, doing, source)
}

fn short(text: &str) -> Result<ShortString, EventError> {
    ShortString::try_new(text)
        .map_err(|_| EventError::Config(format!("{text:?} is too long for RabbitMQ (255 bytes)")))
}

impl RabbitMq {
    /// Connects to `url` (`amqp://` or `amqps://` with login and virtual host), trusting `ca` (PEM) if given.
    pub(crate) async fn connect(
        url: &str,
        ca: Option<Vec<u8>>,
        prefix: &str,
        ids: &SharedIds,
    ) -> Result<Self, EventError> {
        let ca = ca
            .map(String::from_utf8)
            .transpose()
            .map_err(|_| EventError::Config("ca_file is no PEM file".into()))?;
        let tls = OwnedTLSConfig {
            identity: None,
            cert_chain: ca,
        };
        let broker = Arc::new(Broker {
            url: url.to_owned(),
            tls,
            prefix: prefix.to_owned(),
        });
        let session = broker.session().await?;
        Ok(Self {
            broker,
            ids: Arc::clone(ids),
            publishing: Mutex::new(Some(session)),
        })
    }

    async fn open(&self, channels: Vec<Channel>, group: Group) -> Result<Subscription, EventError> {
        let (group, broadcast) = match group {
            Group::Shared(name) => (
                Some(format!("{}.{name}", self.broker.prefix)),
                String::new(),
            ),
            Group::Broadcast => (
                None,
                format!("{}.broadcast.{}", self.broker.prefix, self.ids.token(12)),
            ),
        };
        let mut source = RabbitSource {
            broker: Arc::clone(&self.broker),
            channels,
            group,
            broadcast,
            open: None,
            last: None,
            again: None,
        };
        source.open = Some(source.reopen().await?);
        Ok(Subscription::new(NAME, source))
    }
}

impl Broker {
    async fn session(&self) -> Result<Session, EventError> {
        let connecting = async {
            let properties =
                ConnectionProperties::default().with_connection_name(self.prefix.clone().into());
            let connection = ConnectionBuilder::new()?
                .with_uri_str(self.url.clone())
                .with_properties(properties)
                .with_tls_config(self.tls.clone())
                .connect()
                .await?;
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            Ok::<_, lapin::Error>(Session {
                channel,
                connection,
            })
        };
        let session = tokio::time::timeout(CONNECT, connecting)
            .await
            .map_err(|late| EventError::unavailable(NAME, "connecting", late))?
            .map_err(failed("connecting"))?;
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        session
            .channel
            .exchange_declare(
                short(&self.exchange())?,
                ExchangeKind::Direct,
                durable,
                FieldTable::default(),
            )
            .await
            .map_err(failed("declaring the exchange"))?;
        Ok(session)
    }

    fn exchange(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// Sends everything, then waits for every confirmation.
    async fn publish(
        &self,
        link: &Link,
        to: Channel,
        batch: Vec<(BasicProperties, Vec<u8>)>,
    ) -> Result<(), EventError> {
        let name = to.name(&self.prefix);
        let doing = || format!("publishing to {name}");
        let (exchange, key) = (short(&self.exchange())?, short(to.as_str())?);
        let mut confirmations = Vec::with_capacity(batch.len());
        for (properties, body) in batch {
            let sent = link.basic_publish(
                exchange.clone(),
                key.clone(),
                BasicPublishOptions::default(),
                &body,
                properties,
            );
            confirmations.push(sent.await.map_err(failed(doing()))?);
        }
        for confirmed in join_all(confirmations).await {
            if let Confirmation::Nack(_) = confirmed.map_err(failed(doing()))? {
                return Err(EventError::unavailable(
                    NAME,
                    doing(),
                    "the broker could not store the event",
                ));
            }
        }
        Ok(())
    }

    /// Declares and binds a queue for a topic.
    async fn queue(
        &self,
        link: &Link,
        name: &str,
        topic: Channel,
        arguments: FieldTable,
    ) -> Result<ShortString, EventError> {
        let doing = || format!("declaring queue {name}");
        let queue = short(name)?;
        let declared = link.queue_declare(queue.clone(), QueueDeclareOptions::durable(), arguments);
        declared.await.map_err(failed(doing()))?;
        let (exchange, key) = (short(&self.exchange())?, short(topic.as_str())?);
        let bound = link.queue_bind(
            queue.clone(),
            exchange,
            key,
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.map_err(failed(doing()))?;
        Ok(queue)
    }
}

/// Arguments of a queue that keeps what it gets and is read by one consumer at a time.
fn kept() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    arguments
}

fn properties(headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_content_type(DATA_CONTENT_TYPE.into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers)
}

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a str> {
    let value = properties.headers().as_ref()?.inner().get(name)?;
    std::str::from_utf8(value.as_long_string()?.as_bytes()).ok()
}

#[async_trait]
impl EventPublisher for RabbitMq {
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError> {
        let messages = batch.iter().map(|event| {
            let mut headers = FieldTable::default();
            for (name, value) in event.attributes() {
                headers.insert(
                    format!("{ATTRIBUTE}{name}").into(),
                    AMQPValue::LongString(value.into()),
                );
            }
            (properties(headers), event.data.to_string().into_bytes())
        });
        let mut publishing = self.publishing.lock().await;
        let session = match publishing.take() {
            Some(session) => session,
            None => self.broker.session().await?,
        };
        self.broker
            .publish(&session.channel, Channel::live(topic), messages.collect())
            .await?;
        *publishing = Some(session);
        Ok(())
    }
}

#[async_trait]
impl EventSubscriber for RabbitMq {
    async fn subscribe(&self, topics: &[Topic], group: Group) -> Result<Subscription, EventError> {
        self.open(topics.iter().copied().map(Channel::live).collect(), group)
            .await
    }

    async fn dead_letters(&self, topic: Topic, group: Group) -> Result<Subscription, EventError> {
        self.open(vec![Channel::dead(topic)], group).await
    }
}

struct RabbitSource {
    broker: Arc<Broker>,
    channels: Vec<Channel>,
    /// Name on the broker, of a shared subscription.
    group: Option<String>,
    /// Name of the queues of a broadcast.
    broadcast: String,
    /// None after an error.
    open: Option<(Session, SelectAll<Consumer>)>,
    /// What was handed out last.
    last: Option<Arc<Message>>,
    /// What is handed out next: it was not settled.
    again: Option<Arc<Message>>,
}

impl RabbitSource {
    async fn reopen(&self) -> Result<(Session, SelectAll<Consumer>), EventError> {
        let session = self.broker.session().await?;
        let link = &session.channel;
        // One at a time: an event that goes back to its queue must come before what follows it.
        link.basic_qos(1, BasicQosOptions::default())
            .await
            .map_err(failed("limiting deliveries"))?;
        let mut consumers = SelectAll::new();
        for channel in &self.channels {
            let dead = Channel::dead(channel.topic);
            let queue = match &self.group {
                None => {
                    let mut arguments = FieldTable::default();
                    arguments.insert("x-expires".into(), AMQPValue::LongInt(BROADCAST_LIFE));
                    let name = format!("{}.{}", self.broadcast, channel.as_str());
                    self.broker.queue(link, &name, *channel, arguments).await?
                }
                // Dead letters wait in one queue for whoever looks at them.
                Some(_) if channel.dead => {
                    self.broker
                        .queue(link, &dead.name(&self.broker.prefix), dead, kept())
                        .await?
                }
                Some(group) => {
                    self.broker
                        .queue(link, &dead.name(&self.broker.prefix), dead, kept())
                        .await?;
                    self.broker
                        .queue(
                            link,
                            &format!("{group}.{}", channel.as_str()),
                            *channel,
                            kept(),
                        )
                        .await?
                }
            };
            let consuming = link.basic_consume(
                queue,
                ShortString::default(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            );
            consumers.push(
                consuming
                    .await
                    .map_err(failed(format!("consuming {}", channel.as_str())))?,
            );
        }
        Ok((session, consumers))
    }
}

#[async_trait]
impl Source for RabbitSource {
    async fn next(&mut self) -> Result<Option<Delivery>, EventError> {
        loop {
            if self.open.is_none() {
                self.open = Some(self.reopen().await?);
            }
            let Some((session, consumers)) = &mut self.open else {
                continue;
            };
            let message = match self.again.take() {
                Some(message) => Some(Ok(message)),
                None => consumers.next().await.map(|next| next.map(Arc::new)),
            };
            let message = match message {
                Some(Ok(message)) => message,
                Some(Err(source)) => {
                    self.open = None;
                    return Err(failed("receiving")(source));
                }
                None => {
                    self.open = None;
                    return Err(EventError::unavailable(
                        NAME,
                        "receiving",
                        "the consumer was cancelled",
                    ));
                }
            };
            let key = message.routing_key.to_string();
            let topic = self
                .channels
                .iter()
                .find(|channel| channel.as_str() == key)
                .map(|channel| channel.topic);
            let topic = topic.ok_or_else(|| EventError::malformed(format!("routing key {key}")))?;
            let read = Envelope::from_attributes(
                |name| header(&message.properties, &format!("{ATTRIBUTE}{name}")),
                &message.data,
            );
            let failure = Failure::read(|name| header(&message.properties, name));
            let mut settler = Settler {
                broker: Arc::clone(&self.broker),
                link: session.channel.clone(),
                topic,
                consumer: self.group.clone(),
                position: format!("{}.{key}", self.broker.prefix),
                message: Arc::clone(&message),
            };
            match read {
                Ok(envelope) => {
                    self.last = Some(message);
                    return Ok(Some(Delivery::new(envelope, topic, failure, settler)));
                }
                Err(error) => {
                    tracing::error!(key, %error, "a message is no event");
                    settler.set_aside(&error.to_string()).await?;
                }
            }
        }
    }

    async fn rewind(&mut self) -> Result<(), EventError> {
        let live = self.open.as_ref();
        if live.is_some_and(|(session, _)| session.channel.status().connected()) {
            self.again = self.last.take();
        } else {
            // The broker takes back what a closed connection held.
            self.open = None;
        }
        Ok(())
    }
}

struct Settler {
    broker: Arc<Broker>,
    link: Link,
    topic: Topic,
    consumer: Option<String>,
    position: String,
    message: Arc<Message>,
}

impl Settler {
    /// Copies the message as it came, with the failure beside it, then acknowledges it.
    async fn set_aside(&mut self, reason: &str) -> Result<(), EventError> {
        let failure = Failure::new(
            reason,
            self.consumer.as_deref().unwrap_or("broadcast"),
            self.position.clone(),
        );
        let headers = self.message.properties.headers().as_ref();
        let mut headers = headers.cloned().unwrap_or_default();
        for (name, value) in failure.pairs() {
            headers.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        let message = (properties(headers), self.message.data.clone());
        self.broker
            .publish(&self.link, Channel::dead(self.topic), vec![message])
            .await?;
        self.ack().await
    }
}

#[async_trait]
impl Settle for Settler {
    async fn ack(&mut self) -> Result<(), EventError> {
        let acknowledged = self.message.acker.ack(BasicAckOptions::default()).await;
        acknowledged.map(|_| ()).map_err(failed(format!(
            "acknowledging a message of {}",
            self.position
        )))
    }

    async fn dead_letter(&mut self, _envelope: &Envelope, reason: &str) -> Result<(), EventError> {
        self.set_aside(reason).await
    }
}
