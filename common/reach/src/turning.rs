//! Readiness of a loop. That a role has reached its servers once says nothing of a loop that hangs since, or whose every turn
//! fails: the process answers, and nothing happens.

use std::future::Future;
use std::time::Duration;

use common_service::Service;
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::time::MissedTickBehavior;

/// How often a loop is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a server may take to let somebody in.
const ANSWER: Duration = Duration::from_secs(3);

/// Adds the check `name`: it holds from the first turn of a loop on, falls when there was none for `overdue`, and holds again
/// with the next one.
///
/// `turned` tells whether the loop has turned since it was asked last. `excused` is asked twice within `overdue` whether
/// something keeps the loop that keeps it in every other pod too; then it begins anew.
pub fn watch<F>(
    service: &Service,
    name: &'static str,
    overdue: Duration,
    turned: impl FnMut() -> bool + Send + 'static,
    excused: impl FnMut() -> F + Send + 'static,
) where
    F: Future<Output = bool> + Send + 'static,
{
    let (check, stop) = (service.ready(name), service.soft());
    service.spawn(name, async move {
        let tell = |ready, reason: String| check.set(ready, reason);
        stop.run_until_cancelled(look(overdue, turned, excused, tell))
            .await;
        Ok(())
    });
}

/// Whether a database lets nobody in who comes now. It is not asked through the pool: that may hold the very connections whose
/// other end has gone.
pub async fn is_away(pool: PgPool) -> bool {
    let options = pool.connect_options();
    let fresh = async { PgConnection::connect_with(&options).await?.close().await };
    !matches!(tokio::time::timeout(ANSWER, fresh).await, Ok(Ok(())))
}

/// Looks without an end, and tells each change. Time is the number of looks: a process that stood still as a whole has nobody
/// in it who is late.
async fn look<F>(
    overdue: Duration,
    mut turned: impl FnMut() -> bool,
    mut excused: impl FnMut() -> F,
    mut tell: impl FnMut(bool, String),
) where
    F: Future<Output = bool>,
{
    let most = overdue.as_secs() / LOOK.as_secs();
    let (mut missed, mut holds) = (0, false);
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if turned() {
            missed = 0;
            if !holds {
                holds = true;
                tell(true, "its loop turns".to_owned());
            }
            continue;
        }
        if !holds {
            continue;
        }
        missed += 1;
        // In the middle too: a server that is back at the end was away a moment ago, and the loop has had no time.
        if (missed == most / 2 || missed >= most) && excused().await {
            missed = 0;
        }
        if missed >= most {
            holds = false;
            tell(
                false,
                format!("its loop has not turned for {} s", overdue.as_secs()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Mutex, PoisonError};

    use super::*;

    const OVERDUE: Duration = Duration::from_secs(20);

    /// A loop, what may excuse it, and what was told of it.
    #[derive(Default)]
    struct World {
        turned: AtomicBool,
        away: AtomicBool,
        asked: AtomicUsize,
        told: Mutex<Vec<bool>>,
    }

    impl World {
        /// Looks at the loop for as long as `script` takes, in a time that passes only there.
        async fn during(&self, script: impl Future<Output = ()>) {
            let looked_at = look(
                OVERDUE,
                || self.turned.swap(false, Ordering::Relaxed),
                || {
                    self.asked.fetch_add(1, Ordering::Relaxed);
                    std::future::ready(self.away.load(Ordering::Relaxed))
                },
                |ready, _| self.all_told().push(ready),
            );
            tokio::select! {
                () = looked_at => unreachable!("it looks without an end"),
                () = script => {}
            }
        }

        fn all_told(&self) -> std::sync::MutexGuard<'_, Vec<bool>> {
            self.told.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn told(&self) -> Vec<bool> {
            self.all_told().clone()
        }

        /// The loop turns, which the next look sees.
        async fn turn(&self) {
            self.turned.store(true, Ordering::Relaxed);
            seconds(1).await;
        }
    }

    /// Lets so many looks be: the clock stands still but for this.
    async fn seconds(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Half-way between two looks.
    async fn between_looks() {
        tokio::time::sleep(LOOK / 2).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_falls_when_the_loop_hangs_and_holds_again_with_the_next_turn() {
        let world = World::default();
        world
            .during(async {
                between_looks().await;
                seconds(60).await;
                assert!(world.told().is_empty(), "it has not begun yet");
                world.turn().await;
                assert_eq!(world.told(), [true]);
                seconds(19).await;
                assert_eq!(world.told(), [true], "it is not late yet");
                seconds(1).await;
                assert_eq!(world.told(), [true, false]);
                seconds(60).await;
                assert_eq!(world.told(), [true, false]);
                world.turn().await;
                assert_eq!(world.told(), [true, false, true]);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_turns_that_fail_are_nothing() {
        let world = World::default();
        world
            .during(async {
                between_looks().await;
                for _ in 0..5 {
                    world.turn().await;
                    // Three turns of five seconds.
                    seconds(18).await;
                }
                assert_eq!(world.told(), [true]);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_keeps_every_pod_excuses_it_and_so_does_what_was_there_a_moment_ago() {
        let world = World::default();
        world
            .during(async {
                between_looks().await;
                world.turn().await;
                world.away.store(true, Ordering::Relaxed);
                seconds(120).await;
                assert_eq!(world.told(), [true]);
                let asked = world.asked.load(Ordering::Relaxed);
                assert_eq!(asked, 12, "a server is not asked at each look");
                // Its time begins anew with the last look that found the server away: at 130 s.
                seconds(12).await;
                world.away.store(false, Ordering::Relaxed);
                seconds(17).await;
                assert_eq!(world.told(), [true]);
                seconds(1).await;
                assert_eq!(world.told(), [true, false]);
                // What excuses it now does not make it turn.
                world.away.store(true, Ordering::Relaxed);
                seconds(60).await;
                assert_eq!(world.told(), [true, false]);
                world.turn().await;
                assert_eq!(world.told(), [true, false, true]);
            })
            .await;
    }
}
