//! Each slot of a schedule is enqueued once, whoever looks.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use common_clock::{ManualClock, SharedClock};
use common_jobs::{Missed, Schedule, beat};
use sqlx::PgPool;

use crate::world::{Act, World, work};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn clock(now: DateTime<Utc>) -> SharedClock {
    Arc::new(ManualClock::new(now))
}

fn every_ten_minutes(missed: Missed) -> Schedule {
    Schedule::new("tens", "*/10 * * * *", missed, |slot| {
        work(&slot.to_rfc3339(), Act::Succeed)
    })
    .expect("a schedule")
}

/// Looks at the schedule at this time; how many slots were taken.
async fn look(pool: &PgPool, missed: Missed, now: DateTime<Utc>) -> usize {
    beat::take_due(pool, &every_ten_minutes(missed), &clock(now))
        .await
        .expect("the database answers")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn r23_two_beats_with_clocks_apart_take_each_slot_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let start = at("2026-03-29T00:50:00Z");
    let mut taken = 0;
    // Over the night in which Central Europe's clocks go forward; slots are UTC.
    for minute in 0..60 {
        let now = start + TimeDelta::minutes(minute);
        let (one, other) = tokio::join!(
            look(&pool, Missed::Last, now),
            look(&pool, Missed::Last, now + TimeDelta::seconds(50)),
        );
        taken += one + other;
    }
    assert_eq!(taken, 6);
    assert_eq!(world.queued().await, 6);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn after_an_outage_the_policy_says_what_is_made_up_for(pool: PgPool) {
    for (missed, expected) in [(Missed::Skip, 0), (Missed::Last, 1), (Missed::All, 6)] {
        sqlx::query("delete from schedule_slots")
            .execute(&pool)
            .await
            .expect("emptied");
        common_jobs::migrate(&pool).await.expect("schema gw");
        assert_eq!(look(&pool, missed, at("2026-03-29T10:00:30Z")).await, 1);
        assert_eq!(
            look(&pool, missed, at("2026-03-29T11:05:00Z")).await,
            expected,
            "{missed:?}"
        );
        assert_eq!(
            look(&pool, missed, at("2026-03-29T11:05:30Z")).await,
            0,
            "{missed:?}"
        );
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_slot_and_its_job_are_written_together(pool: PgPool) {
    let world = World::new(&pool).await;
    sqlx::query("alter table gw._private_jobs rename to hidden")
        .execute(&pool)
        .await
        .expect("hidden");
    let now = at("2026-03-29T10:00:00Z");
    let failed = beat::take_due(&pool, &every_ten_minutes(Missed::Last), &clock(now)).await;
    assert!(failed.is_err());
    sqlx::query("alter table gw.hidden rename to _private_jobs")
        .execute(&pool)
        .await
        .expect("back");
    assert_eq!(
        look(&pool, Missed::Last, now).await,
        1,
        "the slot was not lost"
    );
    world
        .during(world.happened(&["2026-03-29T10:00:00+00:00"]))
        .await;
}
