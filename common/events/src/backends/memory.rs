//! Events inside one process, for tests and for `crewdeck dev`. Lost when the process ends.
//!
//! A log per topic in structured JSON, so that what arrives is what a broker would deliver. One subscription of a group
//! is active per topic and the next takes over when it is dropped, as with the other brokers that have no partitions.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    envelope::Envelope,
    error::EventError,
    topic::{Channel, Group, Topic},
    transport::{Delivery, EventPublisher, EventSubscriber, Failure, Settle, Source, Subscription},
};

const NAME: &str = "memory";
/// Events that every group has handled are dropped beyond this many per topic.
const KEEP: usize = 4096;

/// The log of one process. Clones share it.
#[derive(Clone)]
pub struct MemoryBus {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    subscriptions: Arc<AtomicU64>,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            changed: watch::Sender::new(()),
            subscriptions: Arc::default(),
        }
    }
}

impl std::fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryBus")
    }
}

#[derive(Default)]
struct State {
    logs: HashMap<Channel, Log>,
    groups: HashMap<(Channel, &'static str), Progress>,
}

#[derive(Default)]
struct Log {
    /// Position of the first entry.
    base: u64,
    entries: VecDeque<Arc<Entry>>,
}

struct Entry {
    bytes: Vec<u8>,
    failure: Option<Failure>,
}

#[derive(Default)]
struct Progress {
    next: u64,
    /// The active subscription.
    holder: Option<u64>,
}

impl Log {
    fn end(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    /// The first entry at or after a position.
    fn at(&self, position: u64) -> Option<(u64, Arc<Entry>)> {
        let position = position.max(self.base);
        let index = usize::try_from(position - self.base).ok()?;
        self.entries
            .get(index)
            .map(|entry| (position, Arc::clone(entry)))
    }
}

impl MemoryBus {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, channel: Channel, entries: impl IntoIterator<Item = Entry>) {
        let mut state = self.lock();
        let State { logs, groups } = &mut *state;
        let log = logs.entry(channel).or_default();
        log.entries.extend(entries.into_iter().map(Arc::new));
        let handled = groups
            .iter()
            .filter(|((of, _), _)| *of == channel)
            .map(|(_, progress)| progress.next)
            .min();
        while log.entries.len() > KEEP && handled.is_none_or(|handled| log.base < handled) {
            log.entries.pop_front();
            log.base += 1;
        }
        drop(state);
        self.changed.send_replace(());
    }

    fn open(&self, channels: Vec<Channel>, group: Group) -> Subscription {
        let mut state = self.lock();
        let reading = match group {
            Group::Shared(name) => {
                for channel in &channels {
                    state.groups.entry((*channel, name)).or_default();
                }
                Reading::Shared(name)
            }
            Group::Broadcast => {
                let ends = channels
                    .iter()
                    .map(|channel| (*channel, state.logs.get(channel).map_or(0, Log::end)));
                Reading::Broadcast(Arc::new(Mutex::new(ends.collect())))
            }
        };
        drop(state);
        let id = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        let changed = self.changed.subscribe();
        Subscription::new(
            NAME,
            MemorySource {
                bus: self.clone(),
                id,
                channels,
                reading,
                changed,
            },
        )
    }
}

#[async_trait]
impl EventPublisher for MemoryBus {
    async fn publish(&self, topic: Topic, batch: &[Envelope]) -> Result<(), EventError> {
        let entry = |event: &Envelope| Entry {
            bytes: event.to_structured().to_string().into_bytes(),
            failure: None,
        };
        self.append(Channel::live(topic), batch.iter().map(entry));
        Ok(())
    }
}

#[async_trait]
impl EventSubscriber for MemoryBus {
    async fn subscribe(&self, topics: &[Topic], group: Group) -> Result<Subscription, EventError> {
        Ok(self.open(topics.iter().copied().map(Channel::live).collect(), group))
    }

    async fn dead_letters(&self, topic: Topic, group: Group) -> Result<Subscription, EventError> {
        Ok(self.open(vec![Channel::dead(topic)], group))
    }
}

#[derive(Clone)]
enum Reading {
    Shared(&'static str),
    /// Next position per topic.
    Broadcast(Arc<Mutex<HashMap<Channel, u64>>>),
}

struct MemorySource {
    bus: MemoryBus,
    id: u64,
    channels: Vec<Channel>,
    reading: Reading,
    changed: watch::Receiver<()>,
}

impl MemorySource {
    /// The next entry of any topic that this subscription may read now.
    fn poll(&self) -> Option<(Channel, u64, Arc<Entry>)> {
        let mut state = self.bus.lock();
        let State { logs, groups } = &mut *state;
        self.channels.iter().find_map(|channel| {
            let next = match &self.reading {
                Reading::Shared(group) => {
                    let progress = groups.entry((*channel, group)).or_default();
                    if *progress.holder.get_or_insert(self.id) != self.id {
                        return None;
                    }
                    progress.next
                }
                Reading::Broadcast(ends) => *ends
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(channel)?,
            };
            logs.get(channel)?
                .at(next)
                .map(|(position, entry)| (*channel, position, entry))
        })
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn next(&mut self) -> Result<Option<Delivery>, EventError> {
        loop {
            self.changed.mark_unchanged();
            if let Some((channel, position, entry)) = self.poll() {
                let envelope = Envelope::from_structured(&entry.bytes)?;
                let settle = Settler {
                    bus: self.bus.clone(),
                    channel,
                    position,
                    reading: self.reading.clone(),
                };
                return Ok(Some(Delivery::new(
                    envelope,
                    channel.topic,
                    entry.failure.clone(),
                    settle,
                )));
            }
            // Never an error: this source holds a sender through its bus.
            if self.changed.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    /// Nothing to do: progress is only made by settling.
    async fn rewind(&mut self) -> Result<(), EventError> {
        Ok(())
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        for progress in self
            .bus
            .lock()
            .groups
            .values_mut()
            .filter(|progress| progress.holder == Some(self.id))
        {
            progress.holder = None;
        }
        self.bus.changed.send_replace(());
    }
}

struct Settler {
    bus: MemoryBus,
    channel: Channel,
    position: u64,
    reading: Reading,
}

#[async_trait]
impl Settle for Settler {
    async fn ack(&mut self) -> Result<(), EventError> {
        let after = self.position + 1;
        match &self.reading {
            Reading::Shared(group) => {
                let mut state = self.bus.lock();
                let progress = state.groups.entry((self.channel, group)).or_default();
                progress.next = progress.next.max(after);
            }
            Reading::Broadcast(ends) => {
                ends.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(self.channel, after);
            }
        }
        Ok(())
    }

    async fn dead_letter(&mut self, envelope: &Envelope, reason: &str) -> Result<(), EventError> {
        let consumer = if let Reading::Shared(group) = &self.reading {
            group
        } else {
            "broadcast"
        };
        let position = format!("{}@{}", self.channel.as_str(), self.position);
        let failure = Some(Failure::new(reason, consumer, position));
        let bytes = envelope.to_structured().to_string().into_bytes();
        self.bus.append(
            Channel::dead(self.channel.topic),
            [Entry { bytes, failure }],
        );
        self.ack().await
    }
}
