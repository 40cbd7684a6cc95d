//! What is measured of jobs that wait.

use chrono::TimeDelta;
use common_clock::{Clock as _, SystemClock, testing::wait_for};
use common_jobs::{EnqueueOptions, enqueue};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::PgPool;

use crate::world::{Act, World, work};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_age_of_the_oldest_job_is_told_of_each_queue_and_of_all(pool: PgPool) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    // Of this thread, on which the whole test runs.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let world = World::new(&pool).await;
    let mut conn = pool.acquire().await.expect("a connection");
    // The second one waits for the first, which takes it until the gate is open.
    for note in ["first", "second"] {
        let options = EnqueueOptions {
            run_at: Some(SystemClock.now() - TimeDelta::hours(1)),
            lane: Some("one by one".to_owned()),
            ..EnqueueOptions::default()
        };
        enqueue(&mut conn, &work(note, Act::Wait), options)
            .await
            .expect("enqueued");
    }
    drop(conn);
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
            world.board.open_gate();
            world.happened(&["first", "second"]).await;
        })
        .await;
}
