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
/// One that nobody took in this time is not needed; Platforms are looked at once a minute.
const UNUSED: TimeDelta = TimeDelta::minutes(2);
/// How many wait for each server. Passes go on side by side, but a server has no more connections to spare.
const MOST: usize = 4;

/// The connections that wait, each a `C`.
pub(crate) struct Idle<C>(Mutex<HashMap<Key, Vec<Open<C>>>>);

impl<C> Default for Idle<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Idle<C> {
    /// The one that was put back last, of those that lead there. The server may have closed it since.
    pub(crate) fn take(&self, key: &Key, now: DateTime<Utc>) -> Option<Open<C>> {
        self.look(now, |waiting| waiting.get_mut(key)?.pop())
    }

    /// It can be used again.
    pub(crate) fn put(&self, mut connection: Open<C>, now: DateTime<Utc>) {
        connection.used = now;
        self.look(now, |waiting| {
            let there = waiting.entry(connection.key).or_default();
            if there.len() < MOST {
                there.push(connection);
            }
        });
    }

    /// One that leads there was closed by the server: so may the others be.
    pub(crate) fn forget(&self, key: &Key, now: DateTime<Utc>) {
        self.look(now, |waiting| drop(waiting.remove(key)));
    }

    /// After those that are too old were dropped, which closes them.
    fn look<T>(
        &self,
        now: DateTime<Utc>,
        work: impl FnOnce(&mut HashMap<Key, Vec<Open<C>>>) -> T,
    ) -> T {
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
    key: Key,
    since: DateTime<Utc>,
    used: DateTime<Utc>,
}

impl<C> Open<C> {
    /// One that was just made.
    pub(crate) fn new(connection: C, key: Key, now: DateTime<Utc>) -> Self {
        Self {
            connection,
            key,
            since: now,
            used: now,
        }
    }

    /// A clock that went back does not make it last longer.
    fn may_be_used(&self, now: DateTime<Utc>) -> bool {
        let within = |at: DateTime<Utc>, limit| at <= now && now - at < limit;
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
    const HERE: Key = [1; 32];
    const THERE: Key = [2; 32];

    fn after(seconds: i64) -> DateTime<Utc> {
        NOW + TimeDelta::seconds(seconds)
    }

    fn taken(idle: &Idle<u8>, key: Key, now: DateTime<Utc>) -> Option<u8> {
        idle.take(&key, now).map(|open| *open)
    }

    #[test]
    fn what_was_put_back_is_taken_once_and_leads_to_its_server_alone() {
        let idle = Idle::default();
        idle.put(Open::new(1, HERE, NOW), NOW);
        idle.put(Open::new(2, HERE, NOW), NOW);
        assert_eq!(taken(&idle, THERE, NOW), None);
        assert_eq!(taken(&idle, HERE, NOW), Some(2));
        assert_eq!(taken(&idle, HERE, NOW), Some(1));
        assert_eq!(taken(&idle, HERE, NOW), None);
    }

    #[test]
    fn only_some_wait_and_none_that_may_be_closed() {
        let idle = Idle::default();
        for number in 0..10 {
            idle.put(Open::new(number, HERE, NOW), NOW);
        }
        idle.put(Open::new(20, THERE, NOW), NOW);
        assert_eq!(taken(&idle, HERE, NOW), Some(3));
        idle.forget(&HERE, NOW);
        assert_eq!(taken(&idle, HERE, NOW), None);
        assert_eq!(taken(&idle, THERE, NOW), Some(20));
    }

    #[test]
    fn none_is_used_for_ever_and_none_waits_for_ever() {
        let idle = Idle::default();
        idle.put(Open::new(1, HERE, NOW), NOW);
        assert_eq!(taken(&idle, HERE, after(120)), None, "nobody needed it");
        idle.put(Open::new(2, HERE, NOW), after(299));
        assert_eq!(taken(&idle, HERE, after(300)), None, "it is old");
        idle.put(Open::new(3, HERE, NOW), after(200));
        assert_eq!(taken(&idle, HERE, after(199)), None, "the clock went back");
        idle.put(Open::new(4, HERE, NOW), after(200));
        assert_eq!(taken(&idle, HERE, after(299)), Some(4));
    }
}
