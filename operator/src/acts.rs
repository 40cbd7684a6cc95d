//! Every act of the operator that changes something outside its process goes through here: it is counted, and shown to a
//! witness where there is one. What only reads does not.

mod api;
#[cfg(test)]
pub(crate) mod clerk;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use futures::future::BoxFuture;

pub(crate) use self::api::ActsLayer;
use crate::metrics;

/// Where an act has its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// The API server.
    Kubernetes,
    /// A PostgreSQL server.
    Postgres,
    /// A Redis server.
    Redis,
    /// A Kafka cluster.
    Kafka,
}

impl System {
    /// Its name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
        }
    }
}

/// What is done to what. Never how: a statement may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Act {
    /// Where.
    pub system: System,
    /// One of few words, such as `creating`.
    pub verb: &'static str,
    /// Kind and name, such as `database demo` or `secrets/demo-admin`.
    pub object: String,
}

impl Act {
    /// An act on one of the servers that the user brings.
    pub(crate) fn new(system: System, verb: &'static str, object: impl Into<String>) -> Self {
        Self {
            system,
            verb,
            object: object.into(),
        }
    }

    /// What goes on, for a sentence that begins with `refused while`.
    pub(crate) fn doing(&self) -> String {
        format!("{} {}", self.verb, self.object)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.system.as_str(), self.verb, self.object)
    }
}

/// Sees each act happen. Tests of crashes are one: they cut the operator off before or after an act.
#[async_trait]
pub trait Witness: Send + Sync {
    /// Has the act happen by awaiting `work`, which tells whether it was done. A witness that returns without that stops
    /// whoever acts for ever, as a crash would.
    async fn see(&self, act: &Act, work: BoxFuture<'_, bool>);
}

tokio::task_local! {
    /// Of the task, not an argument: otherwise each function on the way from the controllers to a statement would have to
    /// pass on what production never sets. The passes of both controllers are polled by the task that runs them, and so is
    /// the answer of a request (`kube::Client` hands a request to a task of its own, but gets its future back).
    static WITNESS: Arc<dyn Witness>;
}

/// Runs `work` under the eyes of a witness. What it spawns is not seen.
pub async fn witnessed<F: Future>(witness: Arc<dyn Witness>, work: F) -> F::Output {
    WITNESS.scope(witness, work).await
}

/// Whether this task has a witness.
fn is_witnessed() -> bool {
    WITNESS.try_with(|_| ()).is_ok()
}

/// Does `work`, which is `act`.
pub(crate) async fn act<T: Send, E: Send>(
    act: &Act,
    work: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, E> {
    perform(act, work, Result::is_ok).await
}

/// The same, where `done` tells whether the act took place.
pub(crate) async fn perform<T: Send>(
    act: &Act,
    work: impl Future<Output = T> + Send,
    done: impl Fn(&T) -> bool + Send + Sync,
) -> T {
    metrics::act(act);
    let Ok(witness) = WITNESS.try_with(Arc::clone) else {
        return work.await;
    };
    let mut outcome = None;
    let slot = &mut outcome;
    let work = async move { done(slot.insert(work.await)) };
    witness.see(act, Box::pin(work)).await;
    match outcome {
        Some(outcome) => outcome,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::{clerk::Clerk, *};

    fn creating() -> Act {
        Act::new(System::Postgres, "creating", "database demo")
    }

    #[tokio::test]
    async fn a_witness_sees_what_came_of_an_act_and_changes_nothing() {
        let clerk = Arc::new(Clerk::default());
        let work = async {
            let made = act(&creating(), async { Ok::<_, ()>(7) }).await;
            let failed = act(&creating(), async { Err::<(), _>("no") }).await;
            (made, failed)
        };
        assert_eq!(
            witnessed(clerk.clone(), work).await,
            (Ok(7), Err("no")),
            "the same as without a witness"
        );
        let name = "postgres creating database demo".to_owned();
        assert_eq!(clerk.seen(), [(name.clone(), true), (name, false)]);
        assert_eq!(act(&creating(), async { Ok::<_, ()>(7) }).await, Ok(7));
        assert_eq!(clerk.seen().len(), 2, "nobody looks");
    }

    #[tokio::test]
    async fn an_act_that_is_prevented_does_not_happen_and_never_ends() {
        let clerk = Arc::new(Clerk::preventing("creating"));
        let (creating, mut happened) = (creating(), false);
        let work = act(&creating, async {
            happened = true;
            Ok::<_, ()>(())
        });
        let ended = witnessed(clerk, work).now_or_never();
        assert!(ended.is_none() && !happened);
    }
}
