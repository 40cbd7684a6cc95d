//! What is measured of jobs that wait.

use chrono::TimeDelta;
use common_clock::{Clock as _, SystemClock, testing::wait_for};
use common_jobs::{EnqueueOptions, JobError, enqueue};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::PgPool;

use crate::world::{Act, World, work};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_age_of_the_oldest_job_that_could_run_is_told_of_each_queue_and_of_all(pool: PgPool) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Of this thread, on which the whole test runs.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let world = World::new(&pool).await;
    let mut conn = pool.acquire().await.expect("a connection");
    // The first two wait for a lane that another worker holds, the third for a worker.
    for (note, hours, lane) in [
        ("first", 3, Some("one by one")),
        ("second", 2, Some("one by one")),
        ("third", 1, None),
    ] {
        let options = EnqueueOptions {
            run_at: Some(SystemClock.now() - TimeDelta::hours(hours)),
            lane: lane.map(str::to_owned),
            ..EnqueueOptions::default()
        };
        enqueue(&mut conn, &work(note, Act::Succeed), options)
            .await
            .expect("enqueued");
    }
    sqlx::query("update gw._private_job_queues set locked_at = now(), locked_by = 'another'")
        .execute(&mut *conn)
        .await
        .expect("a taken lane");
    drop(conn);
    // Workers pass over a row that somebody has locked; who measures sees it.
    let mut held = common_db::begin(&pool).await.expect("a transaction");
    sqlx::query("select from gw._private_jobs where job_queue_id is null for update")
        .execute(&mut *held)
        .await
        .expect("a locked row");
    let value = |name: &str| -> Option<f64> {
        let page = page.render();
        let line = page.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse().ok()
    };
    world
        .during(async {
            let told = async || {
                value("jobs_longest_wait_seconds ").ok_or("nothing is measured".to_owned())
            };
            let longest = wait_for("a measure", told).await;
            assert!((3_600.0..3_700.0).contains(&longest), "{longest} s");
            let of = |queue| {
                value(&format!(
                    "jobs_oldest_runnable_seconds{{queue=\"{queue}\"}} "
                ))
            };
            assert_eq!(of("default"), Some(longest));
            assert_eq!(of("interactive"), Some(0.0));
            held.rollback().await.expect("the row is free");
            world.happened(&["third"]).await;
            sqlx::query("update gw._private_job_queues set locked_at = null, locked_by = null")
                .execute(&pool)
                .await
                .expect("the lane is free");
            world.happened(&["third", "first", "second"]).await;
        })
        .await;
}

/// The library looks for work at once again after each failure: without its tables that would be for ever.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn workers_end_when_the_tables_of_the_queue_are_gone(pool: PgPool) {
    let world = World::new(&pool).await;
    let gone = async {
        world.enqueue("first", Act::Succeed).await;
        world.happened(&["first"]).await;
        sqlx::query("drop schema gw cascade")
            .execute(&pool)
            .await
            .expect("dropped");
    };
    let (ended, ()) = tokio::join!(world.serve(), gone);
    let error = ended.expect_err("there is nothing to serve");
    assert!(matches!(error, JobError::Database(_)), "{error}");
}
