//! The hub of a process: numbers the events that pass, keeps the latest, and gives them to every socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use common_events::{Envelope, Handle, HandleError};
use serde::Deserialize;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Events that a socket can come back for, and that a slow one may lag behind.
const KEPT: usize = 4_096;

/// An event with its place in this process.
#[derive(Debug, Clone)]
pub(crate) struct Numbered {
    /// Grows by one.
    pub(crate) n: u64,
    /// Whose event it is.
    pub(crate) team_id: Uuid,
    /// The `CloudEvents` JSON.
    pub(crate) event: Arc<str>,
}

/// What a socket begins with.
pub(crate) struct Start {
    /// Number of the last event that the client has seen, or does not need to see.
    pub(crate) from: u64,
    /// What it missed; `None` when that is not known any more.
    pub(crate) missed: Option<Vec<Numbered>>,
    /// What comes after that.
    pub(crate) events: broadcast::Receiver<Numbered>,
}

/// The hub; clones share it.
#[derive(Clone)]
pub struct Hub {
    /// Tells the numbers of this process from those of another.
    epoch: Arc<str>,
    state: Arc<Mutex<State>>,
    sender: broadcast::Sender<Numbered>,
}

#[derive(Default)]
struct State {
    latest: u64,
    kept: VecDeque<Numbered>,
}

/// What the hub reads of a payload.
#[derive(Deserialize)]
struct TeamOf {
    team_id: Uuid,
}

impl Hub {
    /// An empty hub whose numbers are told apart by `epoch`.
    #[must_use]
    pub fn new(epoch: Uuid) -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        Self {
            epoch: epoch.simple().to_string().into(),
            state: Arc::default(),
            sender,
        }
    }

    /// `<epoch>:<n>`, as frames carry it.
    pub(crate) fn seq(&self, n: u64) -> String {
        format!("{}:{n}", self.epoch)
    }

    /// Joins: nothing is missed between what is known now and what comes.
    pub(crate) fn join(&self, last_seq: Option<&str>) -> Start {
        let state = self.lock();
        let events = self.sender.subscribe();
        let resumed = match last_seq {
            None => Some((state.latest, Vec::new())),
            Some(seq) => self.resume(&state, seq),
        };
        let (from, missed) =
            resumed.map_or((state.latest, None), |(from, missed)| (from, Some(missed)));
        Start {
            from,
            missed,
            events,
        }
    }

    fn resume(&self, state: &State, seq: &str) -> Option<(u64, Vec<Numbered>)> {
        let (epoch, n) = seq.split_once(':')?;
        let n: u64 = n.parse().ok()?;
        let oldest = state.latest - state.kept.len() as u64;
        if epoch != &*self.epoch || n > state.latest || n < oldest {
            return None;
        }
        let missed = state.kept.iter().filter(|event| event.n > n);
        Some((n, missed.cloned().collect()))
    }

    fn push(&self, team_id: Uuid, event: Arc<str>) {
        let mut state = self.lock();
        state.latest += 1;
        let numbered = Numbered {
            n: state.latest,
            team_id,
            event,
        };
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(numbered.clone());
        // Nobody listens: nobody misses it either. Sent under the lock, so that order is the order of numbers.
        let _ = self.sender.send(numbered);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Handle for Hub {
    fn name(&self) -> &'static str {
        "realtime"
    }

    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        let TeamOf { team_id } = event.data_as()?;
        self.push(team_id, event.to_structured().to_string().into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: Uuid = Uuid::from_u128(1);

    fn hub(events: u64) -> Hub {
        let hub = Hub::new(Uuid::from_u128(9));
        for n in 0..events {
            hub.push(TEAM, n.to_string().into());
        }
        hub
    }

    fn numbers(start: Start) -> Option<Vec<u64>> {
        start
            .missed
            .map(|missed| missed.iter().map(|event| event.n).collect())
    }

    #[test]
    fn a_client_that_comes_back_gets_exactly_what_it_missed() {
        let hub = hub(5);
        assert_eq!(numbers(hub.join(Some(&hub.seq(3)))), Some(vec![4, 5]));
        assert_eq!(numbers(hub.join(Some(&hub.seq(5)))), Some(vec![]));
        assert_eq!(
            numbers(hub.join(Some(&hub.seq(0)))),
            Some(vec![1, 2, 3, 4, 5])
        );
        assert_eq!(numbers(hub.join(None)), Some(vec![]));
    }

    #[test]
    fn what_is_not_known_any_more_must_be_read_afresh() {
        let hub = hub(KEPT as u64 + 2);
        assert_eq!(
            numbers(hub.join(Some(&hub.seq(1)))),
            None,
            "1 is kept, 2 is gone"
        );
        assert!(numbers(hub.join(Some(&hub.seq(2)))).is_some());
        for stranger in ["", "9", "other:1", ":", "x:y", &hub.seq(1_000_000)] {
            assert_eq!(numbers(hub.join(Some(stranger))), None, "{stranger}");
        }
    }

    #[tokio::test]
    async fn what_comes_after_joining_is_received_in_order() {
        let hub = hub(1);
        let mut start = hub.join(None);
        hub.push(TEAM, "a".into());
        hub.push(TEAM, "b".into());
        assert_eq!(
            start.events.recv().await.expect("an event").n,
            start.from + 1
        );
        assert_eq!(
            start.events.recv().await.expect("an event").n,
            start.from + 2
        );
    }
}
