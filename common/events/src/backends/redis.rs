//! Redis streams: structured JSON, one stream per topic, `<prefix>:events:<topic>`.
//!
//! A consumer group keeps progress. One subscription of a group is active per topic, the one that holds the lease
//! `…:lease:<group>`, so that an entity's events stay in order; it reads under the group's name, and whoever takes over
//! begins with what was not acknowledged. Streams keep about [`KEEP`] events. Commands used: XADD, XREAD, XREADGROUP,
//! XREVRANGE, XACK, XGROUP CREATE, GET, SET, DEL, PEXPIRE; no script.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use common_clock::SharedIds;
use redis::{
    AsyncCommands as _, AsyncConnectionConfig, Client, ExistenceCheck, RedisError, SetExpiry,
    SetOptions, TlsCertificates,
    aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection},
    from_redis_value_ref,
    streams::{StreamId, StreamReadOptions, StreamReadReply},
};
use tokio::time::Instant;

use crate::{
    envelope::Envelope,
    error::EventError,
    topic::{Channel, Group, Topic},
    transport::{Delivery, EventPublisher, EventSubscriber, Failure, Settle, Source, Subscription},
};

const NAME: &str = "redis";
/// Events that a stream keeps, about: what a consumer may be behind.
const KEEP: usize = 100_000;
/// Field of a stream's entry that holds the event.
const EVENT: &str = "event";
/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the server holds a read that finds nothing; the connection for reads waits longer.
const BLOCK: Duration = Duration::from_secs(1);
/// Life of a lease, how often it is renewed, and how often one that another holds is asked for.
const LEASE: Duration = Duration::from_secs(10);
const RENEW: Duration = Duration::from_secs(3);
const ASK: Duration = Duration::from_millis(250);

/// Publisher and subscriber of one Redis server, under one prefix.
pub(crate) struct Redis {
    client: Client,
    /// For everything that does not block; reconnects by itself.
    shared: ConnectionManager,
    prefix: String,
    ids: SharedIds,
}

fn failed(doing: impl Into<String>) -> impl FnOnce(RedisError) -> EventError {
    move |source| EventError::unavailable(NAME, doing, source)
}

impl Redis {
    /// Connects to `url` (`redis://` or `rediss://` with login), trusting `ca` (PEM) if given.
    #[expect(
        clippy::disallowed_methods,
        reason = "this transport has its own prefix; common_cache is another namespace"
    )]
    pub(crate) async fn connect(
        url: &str,
        ca: Option<Vec<u8>>,
        prefix: &str,
        ids: &SharedIds,
    ) -> Result<Self, EventError> {
        let wrong = |source: RedisError| EventError::Config(format!("redis: {source}"));
        let client = match ca {
            None => Client::open(url),
            Some(ca) => Client::build_with_tls(
                url,
                TlsCertificates {
                    client_tls: None,
                    root_cert: Some(ca),
                },
            ),
        };
        let client = client.map_err(wrong)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER))
            .set_connection_timeout(Some(ANSWER));
        let shared = client
            .get_connection_manager_with_config(config)
            .await
            .map_err(failed("connecting"))?;
        Ok(Self {
            client,
            shared,
            prefix: prefix.to_owned(),
            ids: Arc::clone(ids),
        })
    }

    fn key(&self, channel: Channel) -> String {
        format!("{}:events:{}", self.prefix, channel.as_str())
    }

    async fn open(&self, channels: Vec<Channel>, group: Group) -> Result<Subscription, EventError> {
        let mut shared = self.shared.clone();
        let mut streams = Vec::with_capacity(channels.len());
        for channel in channels {
            let key = self.key(channel);
            let start = match group {
                Group::Shared(name) => {
                    let made: Result<(), RedisError> =
                        shared.xgroup_create_mkstream(&key, name, "0").await;
                    made.or_else(|error| {
                        if error.code() == Some("BUSYGROUP") {
                            Ok(())
                        } else {
                            Err(error)
                        }
                    })
                    .map_err(failed(format!("creating group {name} of {key}")))?;
                    String::new()
                }
                Group::Broadcast => last_id(&mut shared, &key)
                    .await
                    .map_err(failed(format!("reading where {key} ends")))?,
            };
            let dead_key = self.key(Channel::dead(channel.topic));
            streams.push(Stream {
                channel,
                key,
                dead_key,
                position: start,
                pending: true,
                held: false,
            });
        }
        let group = match group {
            Group::Shared(name) => Some(name),
            Group::Broadcast => None,
        };
        let source = RedisSource {
            client: self.client.clone(),
            reader: None,
            lease: Lease {
                shared: shared.clone(),
                group,
                token: self.ids.token(16),
                checked: None,
            },
            shared,
            group,
            streams,
            last: None,
        };
        Ok(Subscription::new(NAME, source))
    }
}

async fn last_id(shared: &mut ConnectionManager, key: &str) -> Result<String, RedisError> {
    let newest: Vec<(String, Vec<String>)> = redis::cmd("XREVRANGE")
        .arg(key)
        .arg("+")
        .arg("-")
        .arg("COUNT")
        .arg(1)
        .query_async(shared)
        .await?;
    Ok(newest
        .into_iter()
        .next()
        .map_or_else(|| "0".to_owned(), |(id, _)| id))
}

fn add(pipe: &mut redis::Pipeline, key: &str, fields: &[(&str, &str)]) {
    pipe.cmd("XADD")
        .arg(key)
        .arg("MAXLEN")
        .arg("~")
        .arg(KEEP)
        .arg("*")
        .arg(fields)
        .ignore();
}

#[async_trait]
impl EventPublisher for Redis {
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError> {
        let key = self.key(Channel::live(topic));
        let mut pipe = redis::pipe();
        // One transaction: a batch is there in its order, or not at all.
        pipe.atomic();
        for event in batch {
            add(
                &mut pipe,
                &key,
                &[(EVENT, &event.to_structured().to_string())],
            );
        }
        let mut shared = self.shared.clone();
        pipe.query_async(&mut shared)
            .await
            .map_err(failed(format!("publishing to {key}")))
    }
}

#[async_trait]
impl EventSubscriber for Redis {
    async fn subscribe(&self, topics: &[Topic], group: Group) -> Result<Subscription, EventError> {
        self.open(topics.iter().copied().map(Channel::live).collect(), group)
            .await
    }

    async fn dead_letters(&self, topic: Topic, group: Group) -> Result<Subscription, EventError> {
        self.open(vec![Channel::dead(topic)], group).await
    }
}

struct Stream {
    channel: Channel,
    key: String,
    dead_key: String,
    /// Of a broadcast: the last entry that was handed out.
    position: String,
    /// Of a shared subscription: there may be entries that were delivered and not acknowledged; they come first.
    pending: bool,
    /// Of a shared subscription: the lease is ours.
    held: bool,
}

struct RedisSource {
    client: Client,
    /// For reads that block, so it is nobody else's; none after an error.
    reader: Option<MultiplexedConnection>,
    shared: ConnectionManager,
    lease: Lease,
    group: Option<&'static str>,
    streams: Vec<Stream>,
    /// The stream that the last delivery came from, and the position before it.
    last: Option<(usize, String)>,
}

/// The right to read a topic for a group.
struct Lease {
    shared: ConnectionManager,
    group: Option<&'static str>,
    token: String,
    checked: Option<Instant>,
}

impl Lease {
    fn key(&self, stream: &Stream) -> Option<String> {
        self.group
            .map(|group| format!("{}:lease:{group}", stream.key))
    }

    /// Takes or renews the lease of every stream, if it is time to. A lease that is lost between two commands is at
    /// worst read by two for one event, which the inbox allows.
    async fn refresh(&mut self, streams: &mut [Stream]) -> Result<(), EventError> {
        let all = streams.iter().all(|stream| stream.held);
        let due = if all { RENEW } else { ASK };
        if self.group.is_none() || self.checked.is_some_and(|checked| checked.elapsed() < due) {
            return Ok(());
        }
        let life = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        for stream in streams {
            let Some(key) = self.key(stream) else {
                continue;
            };
            let options = SetOptions::default()
                .conditional_set(ExistenceCheck::NX)
                .with_expiration(SetExpiry::PX(
                    LEASE.as_millis().try_into().unwrap_or(u64::MAX),
                ));
            let doing = || format!("taking the lease {key}");
            let taken: Option<String> = self
                .shared
                .set_options(&key, &self.token, options)
                .await
                .map_err(failed(doing()))?;
            let held = taken.is_some() || {
                let holder: Option<String> =
                    self.shared.get(&key).await.map_err(failed(doing()))?;
                let ours = holder.as_deref() == Some(&self.token);
                if ours {
                    let _: bool = self
                        .shared
                        .pexpire(&key, life)
                        .await
                        .map_err(failed(doing()))?;
                }
                ours
            };
            stream.pending |= held && !stream.held;
            stream.held = held;
        }
        self.checked = Some(Instant::now());
        Ok(())
    }
}

impl RedisSource {
    async fn reader(&mut self) -> Result<MultiplexedConnection, EventError> {
        if let Some(reader) = &self.reader {
            return Ok(reader.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(BLOCK + ANSWER))
            .set_connection_timeout(Some(ANSWER));
        let reader = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(failed("connecting"))?;
        self.reader = Some(reader.clone());
        Ok(reader)
    }

    /// One read of these streams; the first entry found, with the index of its stream.
    async fn read(
        &mut self,
        which: &[usize],
        from: &[String],
        block: bool,
    ) -> Result<Vec<(usize, StreamId)>, EventError> {
        let mut reader = self.reader().await?;
        let mut options = StreamReadOptions::default().count(1);
        if block {
            options = options.block(BLOCK.as_millis().try_into().unwrap_or(usize::MAX));
        }
        if let Some(group) = self.group {
            options = options.group(group, group);
        }
        let keys: Vec<&str> = which
            .iter()
            .map(|index| &*self.streams[*index].key)
            .collect();
        let reply: Result<Option<StreamReadReply>, RedisError> =
            reader.xread_options(&keys, from, &options).await;
        let reply = match reply {
            Ok(reply) => reply.unwrap_or_default(),
            Err(source) => {
                self.reader = None;
                return Err(failed(format!("reading {}", keys.join(", ")))(source));
            }
        };
        let found = reply.keys.into_iter().filter_map(|stream| {
            let index = which
                .iter()
                .copied()
                .find(|index| self.streams[*index].key == stream.key)?;
            Some((index, stream.ids.into_iter().next()?))
        });
        Ok(found.collect())
    }

    /// The next entry for a group: what is pending first, then what is new.
    async fn next_shared(&mut self) -> Result<Option<(usize, StreamId)>, EventError> {
        self.lease.refresh(&mut self.streams).await?;
        let held: Vec<usize> = (0..self.streams.len())
            .filter(|index| self.streams[*index].held)
            .collect();
        if held.is_empty() {
            tokio::time::sleep(ASK).await;
            return Ok(None);
        }
        for index in held
            .iter()
            .copied()
            .filter(|index| self.streams[*index].pending)
            .collect::<Vec<_>>()
        {
            if let Some(found) = self.read(&[index], &["0".to_owned()], false).await?.pop() {
                return Ok(Some(found));
            }
            self.streams[index].pending = false;
        }
        // If this read is cancelled, what it found is pending.
        for index in &held {
            self.streams[*index].pending = true;
        }
        let from = vec![">".to_owned(); held.len()];
        let mut found = self.read(&held, &from, true).await?.into_iter();
        let first = found.next();
        let others: Vec<usize> = found.map(|(index, _)| index).collect();
        for index in held {
            self.streams[index].pending = others.contains(&index);
        }
        Ok(first)
    }

    async fn next_broadcast(&mut self) -> Result<Option<(usize, StreamId)>, EventError> {
        let all: Vec<usize> = (0..self.streams.len()).collect();
        let from: Vec<String> = self
            .streams
            .iter()
            .map(|stream| stream.position.clone())
            .collect();
        Ok(self.read(&all, &from, true).await?.into_iter().next())
    }

    fn settler(&self, index: usize, id: &str) -> Settler {
        let stream = &self.streams[index];
        Settler {
            shared: self.shared.clone(),
            key: stream.key.clone(),
            dead_key: stream.dead_key.clone(),
            id: id.to_owned(),
            group: self.group,
        }
    }
}

fn text(fields: &HashMap<String, redis::Value>, name: &str) -> Option<String> {
    from_redis_value_ref(fields.get(name)?).ok()
}

#[async_trait]
impl Source for RedisSource {
    async fn next(&mut self) -> Result<Option<Delivery>, EventError> {
        loop {
            let found = if self.group.is_some() {
                self.next_shared().await?
            } else {
                self.next_broadcast().await?
            };
            let Some((index, entry)) = found else {
                continue;
            };
            let mut settler = self.settler(index, &entry.id);
            let event = text(&entry.map, EVENT).unwrap_or_default();
            let read = Envelope::from_structured(event.as_bytes());
            let stream = &mut self.streams[index];
            let before = std::mem::replace(&mut stream.position, entry.id);
            match read {
                Ok(envelope) => {
                    let fields: HashMap<&str, String> = entry
                        .map
                        .keys()
                        .filter_map(|name| Some((&**name, text(&entry.map, name)?)))
                        .collect();
                    let failure = Failure::read(|name| fields.get(name).map(String::as_str));
                    self.last = Some((index, before));
                    return Ok(Some(Delivery::new(
                        envelope,
                        stream.channel.topic,
                        failure,
                        settler,
                    )));
                }
                // Trimmed before it was acknowledged: there is nothing to set aside.
                Err(_) if entry.map.is_empty() => settler.ack().await?,
                Err(error) => {
                    stream.pending = true;
                    tracing::error!(key = stream.key, position = stream.position, %error, "an entry is no event");
                    settler.set_aside(&event, &error.to_string()).await?;
                }
            }
        }
    }

    async fn rewind(&mut self) -> Result<(), EventError> {
        if let Some((index, before)) = self.last.take() {
            self.streams[index].position = before;
            self.streams[index].pending = true;
        }
        Ok(())
    }

    async fn keep_alive(&mut self) {
        loop {
            tokio::time::sleep(RENEW).await;
            if let Err(error) = self.lease.refresh(&mut self.streams).await {
                tracing::warn!(%error, "a lease could not be renewed while an event is handled");
            }
        }
    }
}

struct Settler {
    shared: ConnectionManager,
    key: String,
    dead_key: String,
    id: String,
    group: Option<&'static str>,
}

impl Settler {
    async fn set_aside(&mut self, event: &str, reason: &str) -> Result<(), EventError> {
        let position = format!("{}@{}", self.key, self.id);
        let failure = Failure::new(reason, self.group.unwrap_or("broadcast"), position);
        let mut fields = vec![(EVENT, event)];
        fields.extend(failure.pairs());
        let mut pipe = redis::pipe();
        pipe.atomic();
        add(&mut pipe, &self.dead_key, &fields);
        if let Some(group) = self.group {
            pipe.xack(&self.key, group, &[&self.id]).ignore();
        }
        pipe.query_async(&mut self.shared)
            .await
            .map_err(failed(format!("publishing to {}", self.dead_key)))
    }
}

#[async_trait]
impl Settle for Settler {
    async fn ack(&mut self) -> Result<(), EventError> {
        let Some(group) = self.group else {
            return Ok(());
        };
        let acknowledged: Result<i64, _> = self.shared.xack(&self.key, group, &[&self.id]).await;
        acknowledged
            .map(|_| ())
            .map_err(failed(format!("acknowledging {}@{}", self.key, self.id)))
    }

    async fn dead_letter(&mut self, envelope: &Envelope, reason: &str) -> Result<(), EventError> {
        self.set_aside(&envelope.to_structured().to_string(), reason)
            .await
    }
}
