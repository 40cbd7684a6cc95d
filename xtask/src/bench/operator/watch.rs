//! What an operator writes from a moment on, and when: by that it is told whether it has come to rest.

use anyhow::Result;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    audit::{Audit, Told},
    cluster::Cluster,
};

/// After so long without a write all is done.
const QUIET: Duration = Duration::from_secs(10);
/// Each Platform is looked at once in that time, so that who does not rest shows it.
const MINUTE: Duration = Duration::from_mins(1);

/// The record of one operator.
pub(super) struct Watch<'a> {
    user: &'a str,
    audit: Audit,
    /// What it did so far.
    pub(super) told: Told,
    pulse: Pulse,
}

impl<'a> Watch<'a> {
    /// From now on.
    pub(super) fn from_now(user: &'a str, cluster: &Cluster<'_>) -> Result<Self> {
        Ok(Self {
            user,
            audit: cluster.audit()?,
            told: Told::default(),
            pulse: Pulse::new(Instant::now()),
        })
    }

    /// Adds what it did since the last look.
    pub(super) fn read(&mut self) -> Result<()> {
        self.audit.read(self.user, &mut self.told)?;
        self.pulse.saw(Instant::now(), self.told.writes);
        Ok(())
    }

    /// Whether it has written nothing for a while, as of the last look.
    pub(super) fn is_quiet(&self) -> bool {
        self.pulse.silence(Instant::now()) > QUIET
    }

    /// Writes in the last minute.
    pub(super) fn in_the_last_minute(&self) -> u64 {
        self.pulse.within(Instant::now(), MINUTE)
    }

    /// When it wrote last; `None` when it wrote nothing.
    pub(super) fn wrote_last(&self) -> Option<Instant> {
        self.pulse.last()
    }
}

/// How a number of writes grew.
struct Pulse {
    begun: Instant,
    /// When it grew, and to what; those that are older than a minute are left out, but for the last of them.
    steps: VecDeque<(Instant, u64)>,
}

impl Pulse {
    fn new(begun: Instant) -> Self {
        Self {
            begun,
            steps: VecDeque::new(),
        }
    }

    fn saw(&mut self, now: Instant, writes: u64) {
        if self.steps.back().map_or(0, |(_, before)| *before) < writes {
            self.steps.push_back((now, writes));
        }
        while self
            .steps
            .get(1)
            .is_some_and(|(at, _)| now.duration_since(*at) > MINUTE)
        {
            self.steps.pop_front();
        }
    }

    fn last(&self) -> Option<Instant> {
        self.steps.back().map(|(at, _)| *at)
    }

    fn silence(&self, now: Instant) -> Duration {
        now.duration_since(self.last().unwrap_or(self.begun))
    }

    /// How much it grew within the time before `now`.
    fn within(&self, now: Instant, time: Duration) -> u64 {
        let before = self
            .steps
            .iter()
            .filter(|(at, _)| now.duration_since(*at) > time)
            .map(|(_, writes)| *writes)
            .next_back();
        let all = self.steps.back().map_or(0, |(_, writes)| *writes);
        all - before.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_with_the_last_write() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(begun);
        pulse.saw(at(4), 0);
        assert_eq!(pulse.last(), None);
        assert_eq!(pulse.silence(at(5)), Duration::from_secs(5));
        pulse.saw(at(6), 3);
        pulse.saw(at(9), 3);
        assert_eq!(pulse.last(), Some(at(6)));
        assert_eq!(pulse.silence(at(9)), Duration::from_secs(3));
    }

    #[test]
    fn writes_of_the_last_minute_are_told_from_those_before() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(begun);
        for second in 1..=300 {
            pulse.saw(at(second), second * 2);
        }
        assert_eq!(pulse.within(at(300), MINUTE), 122);
        assert!(pulse.steps.len() < 65, "what is old is left out");
    }
}
