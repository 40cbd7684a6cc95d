//! Which ticks count.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use common_clock::{Clock as _, ManualClock, SystemClock, testing::wait_for};
use serde::{Deserialize, Serialize};

use super::*;
use crate::{Job, JobContext, Missed, Queue};

/// Longer than any answer here takes.
const LONG: Duration = Duration::from_mins(1);

#[derive(Debug, Serialize, Deserialize)]
struct Nothing {}

#[async_trait]
impl Job for Nothing {
    const NAME: &'static str = "test.nothing";
    const QUEUE: Queue = Queue::Default;
    type State = ();
    async fn run(self, _ctx: JobContext, _state: ()) -> Result<(), JobError> {
        Ok(())
    }
}

fn every_minute(name: &'static str) -> Schedule {
    Schedule::new(name, "* * * * *", Missed::Last, |_| Nothing {}).expect("a schedule")
}

async fn sql(pool: &PgPool, statement: &'static str) {
    sqlx::query(statement).execute(pool).await.expect(statement);
}

/// Slots of a schedule that were taken.
async fn taken(pool: &PgPool, schedule: &str) -> i64 {
    sqlx::query_scalar("select count(*) from schedule_slots where schedule = $1")
        .bind(schedule)
        .fetch_one(pool)
        .await
        .expect("a count")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn one_counts_when_every_schedule_was_looked_at(pool: PgPool) {
    crate::migrate(&pool).await.expect("schema gw");
    let hands = Arc::new(ManualClock::new(SystemClock.now()));
    let clock: SharedClock = hands.clone();
    let schedules = [every_minute("one"), every_minute("other")];
    assert!(look(&pool, &schedules, &clock, LONG).await);

    sql(
        &pool,
        "alter table schedule_slots add constraint refused check (schedule <> 'one') not valid",
    )
    .await;
    hands.advance(TimeDelta::minutes(1));
    assert!(!look(&pool, &schedules, &clock, LONG).await);
    assert_eq!(taken(&pool, "one").await, 1);
    assert_eq!(
        taken(&pool, "other").await,
        2,
        "it does not wait for the one"
    );

    sql(&pool, "alter table schedule_slots drop constraint refused").await;
    assert!(look(&pool, &schedules, &clock, LONG).await);
    assert_eq!(taken(&pool, "one").await, 2);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn one_that_is_not_answered_ends(pool: PgPool) {
    crate::migrate(&pool).await.expect("schema gw");
    let clock: SharedClock = Arc::new(SystemClock);
    let schedules = [every_minute("one")];
    let mut held = common_db::begin(&pool).await.expect("a transaction");
    sqlx::query("lock table schedule_slots in access exclusive mode")
        .execute(&mut *held)
        .await
        .expect("locked");
    assert!(!look(&pool, &schedules, &clock, Duration::from_millis(100)).await);
    held.rollback().await.expect("free again");
    assert!(look(&pool, &schedules, &clock, LONG).await);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_loop_tells_those_that_count(pool: PgPool) {
    crate::migrate(&pool).await.expect("schema gw");
    let clock: SharedClock = Arc::new(SystemClock);
    let schedules = [every_minute("one")];
    let (ticked, stop) = (AtomicBool::new(false), CancellationToken::new());
    let told = async {
        wait_for("a tick", async || {
            let ticked = ticked.load(Ordering::Relaxed);
            ticked.then_some(()).ok_or("none".to_owned())
        })
        .await;
        stop.cancel();
    };
    tokio::join!(run(&pool, &schedules, &clock, &ticked, &stop), told);
    assert_eq!(taken(&pool, "one").await, 1);
}
