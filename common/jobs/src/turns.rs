//! Whether the loops that take jobs get on. They are the library's own, and one whose connection hangs takes no job and says
//! nothing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The loops of the queues that the workers of one process serve.
#[derive(Debug, Clone)]
pub struct Turns(Arc<[(usize, Arc<Turn>)]>);

impl Turns {
    /// Of these queues, each with the number of jobs that run side by side.
    pub(crate) fn of(queues: impl IntoIterator<Item = (usize, Arc<Turn>)>) -> Self {
        Self(queues.into_iter().collect())
    }

    /// Whether every loop has turned since this was so last: the database has answered whether there are jobs, or one has ended.
    /// A loop need not whose slots are all at work.
    #[must_use]
    pub fn all(&self) -> bool {
        let all = self.0.iter().all(|(slots, turn)| turn.gets_on(*slots));
        if all {
            for (_, turn) in &*self.0 {
                turn.turned.store(false, Ordering::Relaxed);
            }
        }
        all
    }
}

/// The loop of one queue.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    turned: AtomicBool,
    running: AtomicUsize,
}

impl Turn {
    /// It has turned.
    pub(crate) fn tell(&self) {
        self.turned.store(true, Ordering::Relaxed);
    }

    /// A slot is at work until this is dropped, however the job ends.
    pub(crate) fn at_work(self: &Arc<Self>) -> AtWork {
        self.running.fetch_add(1, Ordering::Relaxed);
        AtWork(Arc::clone(self))
    }

    fn gets_on(&self, slots: usize) -> bool {
        self.turned.load(Ordering::Relaxed) || self.running.load(Ordering::Relaxed) >= slots
    }
}

/// A slot that runs a job.
#[must_use]
pub(crate) struct AtWork(Arc<Turn>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        self.0.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_has_to_turn_again_and_again() {
        let [one, other] = [(); 2].map(|()| Arc::new(Turn::default()));
        let turns = Turns::of([(1, one.clone()), (2, other.clone())]);
        assert!(!turns.all(), "nothing has begun");
        one.tell();
        assert!(!turns.all(), "the other has not turned");
        other.tell();
        assert!(turns.all());
        assert!(!turns.all(), "that was before");
        other.tell();
        assert!(!turns.all(), "one that turns does not speak for the one");
    }

    #[test]
    fn a_loop_waits_while_all_its_slots_are_at_work() {
        let turn = Arc::new(Turn::default());
        let turns = Turns::of([(2, turn.clone())]);
        let first = turn.at_work();
        assert!(!turns.all(), "a slot is free");
        let second = turn.at_work();
        assert!(turns.all() && turns.all());
        drop(second);
        assert!(turns.all(), "a job that ends is a turn");
        assert!(!turns.all());
        drop(first);
        assert!(turns.all() && !turns.all());
    }
}
