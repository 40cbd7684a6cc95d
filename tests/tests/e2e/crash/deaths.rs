//! Where each life of the operator ends: at the first of its acts that no life ended at before.

use super::mask::Mask;
use async_trait::async_trait;
use operator::acts::{Act, Witness};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Notify, time::Instant};

/// On which side of an act a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The act does not happen.
    Before,
    /// It happened, and whoever asked for it does not know.
    After,
}

/// On which sides of acts the lives of a course end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sides {
    /// All before an act.
    Before,
    /// All after one.
    After,
    /// One before and the next one after, in turn.
    InTurn,
}

impl Sides {
    /// The sides on which lives of the course end.
    pub(super) fn all(self) -> &'static [Side] {
        match self {
            Self::Before => &[Side::Before],
            Self::After => &[Side::After],
            Self::InTurn => &[Side::Before, Side::After],
        }
    }

    /// The side of the end that is this one of the course, from 1.
    fn of_end(self, number: usize) -> Side {
        match self {
            Self::Before => Side::Before,
            Self::InTurn if !number.is_multiple_of(2) => Side::Before,
            Self::After | Self::InTurn => Side::After,
        }
    }
}

/// How the operator lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lives {
    /// Once, and nobody disturbs it.
    One,
    /// One life after the other, each of which ends at an act.
    Ending {
        /// On which sides.
        sides: Sides,
        /// A life ends at one of so many acts.
        one_of: usize,
    },
    /// Two lives at once, as when a leader has lost its Lease and goes on for a moment. Their acts cross each other.
    Two,
}

/// An object of Kubernetes that is written again is another point, up to so many times: the second write of a ring or a
/// ledger says something else than the first one. Bounded, or an operator that writes an object in each life would never
/// come to an end. What is done again on a server is the same once more.
const TIMES: usize = 6;

/// What tells of the operator's own progress, and so differs with every life: one point each.
const TOLD: [&str; 3] = [
    "kubernetes patching platforms/p/status",
    "kubernetes creating events",
    "kubernetes patching pods/",
];

/// A name of an act, and how many of its kind were done before it, from 1.
pub(super) type Point = (String, usize);

/// Ends lives, and counts what was done in all of them.
pub(super) struct Deaths {
    lives: Lives,
    mask: Mask,
    /// One act at a time: what is cut off in the middle is done or not, and nobody knows.
    alone: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    end: Notify,
}

#[derive(Default)]
struct State {
    done: BTreeMap<String, usize>,
    by_life: BTreeMap<usize, usize>,
    /// Those that were come by.
    passed: BTreeSet<Point>,
    /// Those at which a life is to end. An act that is tried and not done is no end after it yet.
    due: BTreeMap<Point, Side>,
    points: BTreeMap<Point, Side>,
    last: Option<Instant>,
}

impl State {
    /// Whether a life ends on this side of this point.
    fn is_last(&mut self, point: Point, side: Side, sides: Sides, one_of: usize) -> bool {
        if side == Side::Before && self.passed.insert(point.clone()) {
            let passed = self.passed.len();
            if passed.is_multiple_of(one_of) {
                let end = sides.of_end(passed / one_of);
                self.due.insert(point.clone(), end);
            }
        }
        if self.due.get(&point) != Some(&side) {
            return false;
        }
        self.due.remove(&point);
        self.points.insert(point, side);
        true
    }
}

/// What was done during one workload.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// How often each act was done.
    pub(super) acts: BTreeMap<String, usize>,
    /// How many each of the lives did that were lived at once, but for what only tells of its progress.
    pub(super) by_life: BTreeMap<usize, usize>,
    /// Where lives ended, and on which side.
    pub(super) points: BTreeMap<Point, Side>,
}

impl Deaths {
    /// Nobody has died.
    pub(super) fn new(lives: Lives, mask: Mask) -> Self {
        Self {
            lives,
            mask,
            alone: tokio::sync::Mutex::default(),
            state: Mutex::default(),
            end: Notify::new(),
        }
    }

    /// Waits until the life that is lived now has to end.
    pub(super) async fn end(&self) {
        self.end.notified().await;
    }

    /// When something was done last.
    pub(super) fn last(&self) -> Option<Instant> {
        self.state().last
    }

    /// What was done since this was asked the last time.
    pub(super) fn take(&self) -> Done {
        let mut state = self.state();
        state.passed.clear();
        state.due.clear();
        Done {
            acts: std::mem::take(&mut state.done),
            by_life: std::mem::take(&mut state.by_life),
            points: std::mem::take(&mut state.points),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends this life if that is due on this side of the act; `number` counts the act.
    async fn pass(&self, side: Side, name: &str, number: usize) {
        let Lives::Ending { sides, one_of } = self.lives else {
            return;
        };
        let told = TOLD.iter().any(|told| name.starts_with(told));
        let counts = name.starts_with("kubernetes") && !told;
        let number = if counts { number } else { 1 };
        let point = (name.to_owned(), number);
        if number <= TIMES && self.state().is_last(point, side, sides, one_of) {
            self.end.notify_one();
            pending::<()>().await;
        }
    }
}

/// One of the lives that are lived at once.
pub(super) struct Life {
    pub(super) deaths: Arc<Deaths>,
    /// Which one.
    pub(super) number: usize,
}

#[async_trait]
impl Witness for Life {
    async fn see(&self, act: &Act, work: futures::future::BoxFuture<'_, bool>) {
        self.deaths.see(self.number, act, work).await;
    }
}

impl Deaths {
    async fn see(&self, life: usize, act: &Act, work: futures::future::BoxFuture<'_, bool>) {
        let _alone = match self.lives {
            Lives::Two => None,
            Lives::One | Lives::Ending { .. } => Some(self.alone.lock().await),
        };
        let name = self.mask.act(act);
        let number = |state: &State| state.done.get(&name).copied().unwrap_or_default() + 1;
        let next = number(&self.state());
        self.pass(Side::Before, &name, next).await;
        self.state().last = Some(Instant::now());
        if !work.await {
            return;
        }
        {
            let mut state = self.state();
            state.last = Some(Instant::now());
            *state.done.entry(name.clone()).or_default() += 1;
            if !TOLD.iter().any(|told| name.starts_with(told)) {
                *state.by_life.entry(life).or_default() += 1;
            }
        }
        self.pass(Side::After, &name, next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Result;
    use futures::FutureExt as _;
    use operator::acts::System;

    /// Lives of an operator with two acts to do, each once.
    async fn live(lives: Lives) -> (usize, Vec<&'static str>, Done) {
        let deaths = Deaths::new(lives, Mask::of("local", "e2e", "p"));
        let did = Mutex::new(Vec::new());
        let mut lives = 1;
        loop {
            let life = async {
                for object in ["database a", "database b"] {
                    if did.lock().unwrap().contains(&object) {
                        continue;
                    }
                    let act = Act {
                        system: System::Postgres,
                        verb: "creating",
                        object: object.to_owned(),
                    };
                    let work = async {
                        did.lock().unwrap().push(object);
                        true
                    };
                    deaths.see(0, &act, work.boxed()).await;
                }
            };
            tokio::select! {
                biased;
                () = deaths.end() => lives += 1,
                () = life => break,
            }
        }
        let did = did.into_inner().unwrap();
        (lives, did, deaths.take())
    }

    #[tokio::test]
    async fn each_act_ends_one_life_on_either_side_and_is_done_once() -> Result<()> {
        let ending = |sides, one_of| Lives::Ending { sides, one_of };
        for (how, expected) in [
            (ending(Sides::Before, 1), &[Side::Before, Side::Before][..]),
            (Lives::One, &[]),
            (ending(Sides::After, 1), &[Side::After, Side::After]),
            (ending(Sides::InTurn, 1), &[Side::Before, Side::After]),
            (ending(Sides::After, 2), &[Side::After]),
            (ending(Sides::InTurn, 2), &[Side::Before]),
        ] {
            let (lives, did, done) = live(how).await;
            assert_eq!(lives, expected.len() + 1, "{how:?}");
            assert_eq!(did, ["database a", "database b"], "{how:?}");
            let ends: Vec<Side> = done.points.into_values().collect();
            assert_eq!(ends, expected, "{how:?}");
            assert!(done.acts.values().all(|times| *times == 1), "{how:?}");
        }
        Ok(())
    }

    #[test]
    fn an_act_that_was_tried_in_vain_is_no_end_after_it() {
        let mut state = State::default();
        let mut is_last = |side| {
            let point = ("postgres creating database a".to_owned(), 1);
            state.is_last(point, side, Sides::After, 1)
        };
        assert!(!is_last(Side::Before), "tried");
        assert!(!is_last(Side::Before), "tried again");
        assert!(is_last(Side::After), "done");
        assert!(!is_last(Side::After), "done once more");
    }
}
