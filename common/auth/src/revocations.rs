//! Sign-ins that have ended before their tokens do.
//!
//! An access token says itself until when it is good. That its sign-in has ended meanwhile, a verifier learns from here: the whole
//! (small) set is read again and again. A cursor would miss a row that is committed after a later one.

use std::collections::HashSet;
use std::error::Error;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use common_clock::SharedClock;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::AuthError;

/// Between two looks: with the look itself it stays below the second within which an end is to be seen.
const EVERY: Duration = Duration::from_millis(500);
/// A look that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(3);
/// Whose source has not answered for this long believes no token.
const BLIND: TimeDelta = TimeDelta::seconds(10);

/// Gauge: how old is what is known of ended sign-ins, in seconds, the lag of a replica included.
const AGE: &str = "revocations_age_seconds";

/// The sign-ins that have ended, as far as a source knows.
#[derive(Debug)]
pub struct Ended {
    /// All whose access tokens could still be good.
    pub sessions: HashSet<Uuid>,
    /// How far the source is behind: what ended later than this before the look may be missing.
    pub behind: Duration,
}

/// The ended sign-ins could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read which sign-ins have ended")]
pub struct RevocationsUnread(#[source] Box<dyn Error + Send + Sync>);

impl RevocationsUnread {
    /// Because of `source`.
    pub fn because(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Where ended sign-ins are kept.
#[async_trait]
pub trait RevocationSource: Send + Sync + 'static {
    /// All of them that matter at `now`.
    async fn ended(&self, now: DateTime<Utc>) -> Result<Ended, RevocationsUnread>;
}

/// The ended sign-ins as they were a moment ago.
pub struct Revocations {
    source: Box<dyn RevocationSource>,
    clock: SharedClock,
    known: RwLock<Known>,
}

struct Known {
    sessions: HashSet<Uuid>,
    /// Whatever ended before is in the set. Never goes back: a replica that is not behind may seem so while it takes up the
    /// first change after a long rest.
    as_of: DateTime<Utc>,
    /// When the source answered last.
    answered_at: DateTime<Utc>,
    /// Whether the last look failed.
    is_failing: bool,
}

impl Revocations {
    /// What `source` knows; it must answer now.
    ///
    /// # Errors
    /// When it does not: a process that cannot tell who was signed out must not become ready.
    pub async fn read(
        source: impl RevocationSource,
        clock: SharedClock,
    ) -> Result<Self, RevocationsUnread> {
        let now = clock.now();
        let ended = look(&source, now).await?;
        let known = Known {
            as_of: as_of(now, ended.behind),
            answered_at: now,
            sessions: ended.sessions,
            is_failing: false,
        };
        Ok(Self {
            source: Box::new(source),
            clock,
            known: RwLock::new(known),
        })
    }

    /// Looks at the source again and again until `stop`.
    pub async fn follow(&self, stop: CancellationToken) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => self.look().await,
            }
        }
    }

    /// One look at the source. What it does not bring, stays as it is.
    pub async fn look(&self) {
        let now = self.clock.now();
        let outcome = look(self.source.as_ref(), now).await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(ended) => {
                known.answered_at = now;
                let as_of = as_of(now, ended.behind);
                if as_of < known.as_of {
                    // From a server that is further behind than the last one: what has ended stays so.
                    known.sessions.extend(ended.sessions);
                } else {
                    known.sessions = ended.sessions;
                    known.as_of = as_of;
                }
                if known.is_failing {
                    tracing::info!("ended sign-ins are read again");
                }
                known.is_failing = false;
            }
            Err(error) => {
                // Once, and not twice a second.
                if !known.is_failing {
                    let error = &error as &dyn Error;
                    tracing::warn!(error, "ended sign-ins not read, the last ones stay");
                }
                known.is_failing = true;
            }
        }
        let age = self.clock.now() - known.as_of;
        metrics::gauge!(AGE).set(age.as_seconds_f64());
    }

    /// Nothing, if the sign-in goes on.
    pub(crate) fn admit(&self, session: Uuid, now: DateTime<Utc>) -> Result<(), AuthError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.sessions.contains(&session) {
            return Err(AuthError::SignedOut);
        }
        if now - known.answered_at > BLIND {
            return Err(AuthError::Blind);
        }
        Ok(())
    }
}

/// A look that does not last for ever.
async fn look(
    source: &dyn RevocationSource,
    now: DateTime<Utc>,
) -> Result<Ended, RevocationsUnread> {
    match timeout(PATIENCE, source.ended(now)).await {
        Ok(outcome) => outcome,
        Err(late) => Err(RevocationsUnread::because(late)),
    }
}

/// Until when a look at `now` tells everything.
fn as_of(now: DateTime<Utc>, behind: Duration) -> DateTime<Utc> {
    let behind = TimeDelta::from_std(behind).unwrap_or(TimeDelta::MAX);
    now.checked_sub_signed(behind)
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::{Arc, Mutex};

    use common_clock::{Clock as _, Ids as _, ManualClock, SystemIds};

    use super::*;

    /// What a server does when it is asked.
    #[derive(Clone)]
    enum Does {
        Tell(Vec<Uuid>, Duration),
        Fail,
        Hang,
    }

    #[derive(Clone)]
    struct Server(Arc<Mutex<Does>>);

    #[async_trait]
    impl RevocationSource for Server {
        async fn ended(&self, _: DateTime<Utc>) -> Result<Ended, RevocationsUnread> {
            let does = self.0.lock().expect("not poisoned").clone();
            match does {
                Does::Tell(sessions, behind) => Ok(Ended {
                    sessions: sessions.into_iter().collect(),
                    behind,
                }),
                Does::Fail => Err(RevocationsUnread::because("away")),
                Does::Hang => pending().await,
            }
        }
    }

    struct World {
        server: Server,
        clock: Arc<ManualClock>,
        revocations: Revocations,
    }

    impl World {
        async fn new() -> Self {
            let server = Server(Arc::new(Mutex::new(Does::Tell(vec![], Duration::ZERO))));
            let start = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
            let clock = Arc::new(ManualClock::new(start));
            let revocations = Revocations::read(server.clone(), clock.clone()).await;
            Self {
                server,
                clock,
                revocations: revocations.expect("the server answers"),
            }
        }

        /// A look after these seconds, at a server that does this.
        async fn look(&self, seconds: i64, does: Does) {
            *self.server.0.lock().expect("not poisoned") = does;
            self.clock.advance(TimeDelta::seconds(seconds));
            self.revocations.look().await;
        }

        fn admit(&self, session: Uuid) -> Result<(), AuthError> {
            self.revocations.admit(session, self.clock.now())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_is_seen_within_a_second() {
        let (world, ended, other) = (World::new().await, SystemIds.uuid(), SystemIds.uuid());
        assert_eq!(world.admit(ended), Ok(()));
        // The first look is over before it ends.
        let follow = async {
            tokio::join!(world.revocations.follow(CancellationToken::new()), async {
                tokio::task::yield_now().await;
                let told = Does::Tell(vec![ended], Duration::ZERO);
                *world.server.0.lock().expect("not poisoned") = told;
            })
        };
        let second = timeout(Duration::from_secs(1), follow).await;
        assert!(second.is_err(), "it goes on");
        assert_eq!(world.admit(ended), Err(AuthError::SignedOut));
        assert_eq!(world.admit(other), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn whose_source_does_not_answer_for_ten_seconds_believes_nobody() {
        let (world, ended, other) = (World::new().await, SystemIds.uuid(), SystemIds.uuid());
        let told = || Does::Tell(vec![ended], Duration::ZERO);
        world.look(1, told()).await;
        for away in [Does::Fail, Does::Hang] {
            world.look(10, away.clone()).await;
            assert_eq!(world.admit(other), Ok(()));
            assert_eq!(world.admit(ended), Err(AuthError::SignedOut));
            world.look(1, away).await;
            assert_eq!(world.admit(other), Err(AuthError::Blind));
            assert_eq!(world.admit(ended), Err(AuthError::SignedOut));
            world.look(1, told()).await;
            assert_eq!(world.admit(other), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_replica_that_is_behind_knows_as_much_as_it_did_then() {
        let (world, ended, other) = (World::new().await, SystemIds.uuid(), SystemIds.uuid());
        let behind = |seconds| Does::Tell(vec![], Duration::from_secs(seconds));
        world.look(0, Does::Tell(vec![ended], Duration::ZERO)).await;
        // It cannot know of that end yet.
        world.look(10, behind(20)).await;
        assert_eq!(world.admit(ended), Err(AuthError::SignedOut));
        assert_eq!(world.admit(other), Ok(()));
        world.look(0, Does::Tell(vec![ended], Duration::ZERO)).await;
        // Another server takes its place, which has not heard of that end: nobody comes back by it.
        world.look(1, behind(600)).await;
        assert_eq!(world.admit(ended), Err(AuthError::SignedOut));
        assert_eq!(world.admit(other), Ok(()));
        world.look(1, Does::Tell(vec![], Duration::MAX)).await;
        assert_eq!(world.admit(other), Ok(()));
    }

    #[tokio::test]
    async fn without_an_answer_nothing_begins() {
        let server = Server(Arc::new(Mutex::new(Does::Fail)));
        let clock = World::new().await.clock;
        assert!(Revocations::read(server, clock).await.is_err());
    }
}
