//! A job that fails is tried again, then parked; the others flow.

use common_clock::testing::wait_for;
use common_jobs::parked;
use sqlx::PgPool;

use crate::world::{Act, World};

/// Lets the job fail until it has used up its attempts.
async fn use_up(world: &World) {
    for attempt in 1..=3 {
        world.board.begun(attempt).await;
        let failed = [("failed", Some("told to fail")); 3];
        world.recorded(&failed[..attempt]).await;
        world.due_now().await;
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_failed_attempt_waits_before_the_next(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("bad", Act::Fail).await;
    world
        .during(world.recorded(&[("failed", Some("told to fail"))]))
        .await;
    let waits: f64 = sqlx::query_scalar(
        "select extract(epoch from run_at - updated_at)::float8 from gw._private_jobs",
    )
    .fetch_one(&pool)
    .await
    .expect("the job");
    // e^1 seconds, and up to half of that more.
    assert!((2.0..=4.5).contains(&waits), "{waits}");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn after_its_attempts_a_job_is_parked_and_can_be_driven_again(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("bad", Act::Fail).await;
    world
        .during(async {
            use_up(&world).await;
            world.enqueue("good", Act::Succeed).await;
            world.happened(&["good"]).await;

            let mut conn = pool.acquire().await.expect("a connection");
            let list = async || {
                let mut conn = pool.acquire().await.expect("a connection");
                let list = parked::list(&mut conn, 10).await.expect("readable");
                (list.len() == 1).then_some(()).ok_or(format!("{list:?}"))
            };
            wait_for("the parked job", list).await;
            let job = parked::list(&mut conn, 10)
                .await
                .expect("readable")
                .remove(0);
            assert_eq!((job.name.as_str(), job.attempts), ("test.work", 3));
            assert_eq!(job.last_error.as_deref(), Some("told to fail"));

            world.board.all_is_well();
            assert!(parked::retry(&mut conn, job.id).await.expect("updated"));
            drop(conn);
            world.happened(&["good", "bad"]).await;
        })
        .await;
    let mut conn = pool.acquire().await.expect("a connection");
    assert!(
        parked::list(&mut conn, 10)
            .await
            .expect("readable")
            .is_empty()
    );
    assert!(
        !parked::retry(&mut conn, 1).await.expect("updated"),
        "not parked"
    );
}
