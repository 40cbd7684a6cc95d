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

/// How the operator lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lives {
    /// Once, and nobody disturbs it.
    One,
    /// One life after the other, each of which ends at an act.
    Ending {
        /// On which side.
        side: Side,
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
    points: BTreeSet<Point>,
    last: Option<Instant>,
}

impl State {
    /// Whether a life ends at this point.
    fn is_last(&mut self, point: Point, one_of: usize) -> bool {
        let new = self.passed.insert(point.clone());
        let ends = new && self.passed.len().is_multiple_of(one_of);
        if ends {
            self.points.insert(point);
        }
        ends
    }
}

/// What was done during one workload.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// How often each act was done.
    pub(super) acts: BTreeMap<String, usize>,
    /// How many each of the lives did that were lived at once, but for what only tells of its progress.
    pub(super) by_life: BTreeMap<usize, usize>,
    /// Where lives ended.
    pub(super) points: BTreeSet<Point>,
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
        Done {
            acts: std::mem::take(&mut state.done),
            by_life: std::mem::take(&mut state.by_life),
            points: std::mem::take(&mut state.points),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends this life if none has ended on this side of the act yet; `number` counts the act.
    async fn pass(&self, side: Side, name: &str, number: usize) {
        let one_of = match self.lives {
            Lives::Ending { side: last, one_of } if last == side => one_of,
            _ => return,
        };
        let told = TOLD.iter().any(|told| name.starts_with(told));
        let counts = name.starts_with("kubernetes") && !told;
        let number = if counts { number } else { 1 };
        if number <= TIMES && self.state().is_last((name.to_owned(), number), one_of) {
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
        let ending = |side, one_of| Lives::Ending { side, one_of };
        for (how, expected) in [
            (Lives::One, 1),
            (ending(Side::Before, 1), 3),
            (ending(Side::After, 1), 3),
            (ending(Side::After, 2), 2),
        ] {
            let (lives, did, done) = live(how).await;
            assert_eq!(lives, expected, "{how:?}");
            assert_eq!(did, ["database a", "database b"], "{how:?}");
            assert_eq!(done.points.len(), expected - 1);
            assert!(done.acts.values().all(|times| *times == 1), "{done:?}");
        }
        Ok(())
    }
}
