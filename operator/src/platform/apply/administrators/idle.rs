//! Connections that serve one pass at a time: whoever needs one takes it, and puts it back when all went well.

use std::{
    collections::HashMap,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::Key;

/// A connection is made anew after this long: so is a password that the server takes no more noticed.
const LASTS: TimeDelta = TimeDelta::minutes(5);
/// One that nobody took in this time is closed by the next call; Platforms are looked at once a minute.
const UNUSED: TimeDelta = TimeDelta::minutes(2);
/// How many wait at each address, whosever they are. Passes go on side by side, but a server has no more connections to spare.
const MOST: usize = 4;

/// Where a connection leads, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Way {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) key: Key,
}

/// The connections that wait, each a `C`, by address.
pub(crate) struct Idle<C>(Mutex<Waiting<C>>);

type Waiting<C> = HashMap<String, Vec<Open<C>>>;

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Idle<C> {
    /// One that waits, if it still `answers`, else the one that `connect` makes. Whoever has it puts it back when all went well.
    pub(crate) async fn open<E>(
        &self,
        way: Way,
        now: DateTime<Utc>,
        answers: impl AsyncFnOnce(&mut C) -> bool,
        connect: impl Future<Output = Result<C, E>>,
    ) -> Result<Open<C>, E> {
        if let Some(mut open) = self.take(&way, now) {
            if answers(&mut open.connection).await {
                return Ok(open);
            }
            self.forget(&way, now);
        }
        let connection = connect.await?;
        Ok(Open {
            connection,
            way,
            since: now,
            used: now,
        })
    }

    /// The one that was put back last, of those that lead this way. The server may have closed it since.
    fn take(&self, way: &Way, now: DateTime<Utc>) -> Option<Open<C>> {
        self.look(now, |waiting| {
            let there = waiting.get_mut(&way.address)?;
            let last = there.iter().rposition(|open| open.way.key == way.key)?;
            Some(there.remove(last))
        })
    }

    /// It can be used again.
    pub(crate) fn put(&self, mut connection: Open<C>, now: DateTime<Utc>) {
        connection.used = now;
        self.look(now, |waiting| {
            let there = waiting.entry(connection.way.address.clone()).or_default();
            if there.len() < MOST {
                there.push(connection);
            }
        });
    }

    /// Something went wrong on one that leads this way: the others may lead nowhere either, or to a server that was replaced.
    pub(crate) fn forget(&self, way: &Way, now: DateTime<Utc>) {
        self.look(now, |waiting| {
            if let Some(there) = waiting.get_mut(&way.address) {
                there.retain(|open| open.way.key != way.key);
            }
        });
    }

    /// After those that are too old were dropped, which closes them.
    fn look<T>(&self, now: DateTime<Utc>, work: impl FnOnce(&mut Waiting<C>) -> T) -> T {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, there| {
            there.retain(|open| open.may_be_used(now));
            !there.is_empty()
        });
        work(&mut waiting)
    }
}

/// A connection that is open; who has it is the only one to use it.
pub(crate) struct Open<C> {
    connection: C,
    way: Way,
    since: DateTime<Utc>,
    used: DateTime<Utc>,
}

impl<C> Open<C> {
    /// `now` is when a pass began, so that it may be earlier; a clock that went far back does not make it last longer.
    fn may_be_used(&self, now: DateTime<Utc>) -> bool {
        let within = |at: DateTime<Utc>, limit| (now - at).abs() < limit;
        within(self.since, LASTS) && within(self.used, UNUSED)
    }
}

impl<C> Deref for Open<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C> DerefMut for Open<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn after(seconds: i64) -> DateTime<Utc> {
        NOW + TimeDelta::seconds(seconds)
    }

    fn way(address: &str, user: u8) -> Way {
        Way {
            address: address.to_owned(),
            key: [user; 32],
        }
    }

    /// One that was made at the beginning.
    fn new(connection: u8, way: Way) -> Open<u8> {
        Open {
            connection,
            way,
            since: NOW,
            used: NOW,
        }
    }

    fn taken(idle: &Idle<u8>, way: &Way, now: DateTime<Utc>) -> Option<u8> {
        idle.take(way, now).map(|open| *open)
    }

    #[test]
    fn what_was_put_back_is_taken_once_and_leads_its_way_alone() {
        let idle = Idle::default();
        let here = way("a:1", 1);
        for number in [1, 2] {
            idle.put(new(number, here.clone()), NOW);
        }
        for other in [way("a:2", 1), way("a:1", 2)] {
            assert_eq!(taken(&idle, &other, NOW), None);
        }
        assert_eq!(taken(&idle, &here, NOW), Some(2));
        assert_eq!(taken(&idle, &here, NOW), Some(1));
        assert_eq!(taken(&idle, &here, NOW), None);
    }

    #[test]
    fn only_some_wait_at_a_server_whosever_they_are_and_none_that_may_be_closed() {
        let idle = Idle::default();
        for number in 0..10 {
            idle.put(new(number, way("a:1", number % 2)), NOW);
        }
        idle.put(new(20, way("a:2", 0)), NOW);
        assert_eq!(taken(&idle, &way("a:1", 0), NOW), Some(2));
        idle.forget(&way("a:1", 0), NOW);
        assert_eq!(taken(&idle, &way("a:1", 0), NOW), None);
        assert_eq!(taken(&idle, &way("a:1", 1), NOW), Some(3));
        assert_eq!(taken(&idle, &way("a:2", 0), NOW), Some(20));
    }

    #[test]
    fn none_is_used_for_ever_and_none_waits_long() {
        let idle = Idle::default();
        let here = way("a:1", 1);
        let put = |number, at| idle.put(new(number, here.clone()), at);
        put(1, NOW);
        assert_eq!(taken(&idle, &here, after(120)), None, "nobody needed it");
        put(2, after(299));
        assert_eq!(taken(&idle, &here, after(300)), None, "it is old");
        put(3, after(200));
        assert_eq!(taken(&idle, &here, after(20)), None, "the clock went back");
        put(4, after(200));
        assert_eq!(taken(&idle, &here, after(299)), Some(4));
        put(5, after(20));
        assert_eq!(
            taken(&idle, &here, after(5)),
            Some(5),
            "of a pass that began before"
        );
    }
}
