//! From enqueueing to the end, and what a stop does to jobs that run.

use common_jobs::{EnqueueOptions, enqueue, history};
use sqlx::PgPool;

use crate::world::{Act, World, work};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_job_runs_once_if_its_transaction_commits_and_never_otherwise(pool: PgPool) {
    let world = World::new(&pool).await;
    for (note, commits) in [("undone", false), ("done", true)] {
        let mut tx = common_db::begin(&pool).await.expect("a transaction");
        enqueue(
            &mut tx,
            &work(note, Act::Succeed),
            EnqueueOptions::default(),
        )
        .await
        .expect("enqueued");
        if commits {
            tx.commit().await.expect("committed");
        } else {
            tx.rollback().await.expect("rolled back");
        }
    }
    world
        .during(async {
            world.happened(&["done"]).await;
            world.recorded(&[("succeeded", None)]).await;
        })
        .await;
    assert_eq!(world.queued().await, 0);
    assert_eq!(world.effects().await, ["done"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn long_work_does_not_hold_up_what_somebody_waits_for(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("slow", Act::Wait).await;
    world
        .during(async {
            world.board.begun(1).await;
            world.enqueue("behind it", Act::Succeed).await;
            world.enqueue_quick("quick").await;
            world.happened(&["quick"]).await;
            world.board.open_gate();
            world.happened(&["quick", "slow", "behind it"]).await;
        })
        .await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn only_one_waiting_job_has_a_key(pool: PgPool) {
    let world = World::new(&pool).await;
    let mut conn = pool.acquire().await.expect("a connection");
    for note in ["first", "second"] {
        let options = EnqueueOptions {
            key: Some("k".to_owned()),
            ..EnqueueOptions::default()
        };
        enqueue(&mut conn, &work(note, Act::Succeed), options)
            .await
            .expect("enqueued");
    }
    drop(conn);
    world.during(world.happened(&["second"])).await;
    assert_eq!(world.queued().await, 0);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_stop_lets_a_running_job_end_and_begins_no_other(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("running", Act::Wait).await;
    let test = async {
        world.board.begun(1).await;
        world.soft.cancel();
        world.enqueue("too late", Act::Succeed).await;
        world.board.open_gate();
    };
    let (ended, ()) = tokio::join!(world.serve(), test);
    ended.expect("in order");
    assert_eq!(world.effects().await, ["running"]);
    assert_eq!(world.queued().await, 1);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_job_that_does_not_end_in_time_is_given_back(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("stuck", Act::Hang).await;
    let test = async {
        world.board.begun(1).await;
        world.soft.cancel();
        world.hard.cancel();
    };
    let (ended, ()) = tokio::join!(world.serve(), test);
    ended.expect("in order");
    world
        .recorded(&[("failed", Some("interrupted by shutdown"))])
        .await;
    assert_eq!(world.queued().await, 1);
    let held: bool = sqlx::query_scalar("select locked_by is not null from gw._private_jobs")
        .fetch_one(&pool)
        .await
        .expect("the job");
    assert!(!held, "another worker can take it");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn history_is_kept_for_its_days(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("old", Act::Succeed).await;
    world.during(world.recorded(&[("succeeded", None)])).await;
    let mut conn = pool.acquire().await.expect("a connection");
    assert_eq!(history::purge(&mut conn, 30, 100).await.expect("purged"), 0);
    sqlx::query("update job_runs set finished_at = finished_at - interval '31 days'")
        .execute(&mut *conn)
        .await
        .expect("older");
    assert_eq!(history::purge(&mut conn, 30, 100).await.expect("purged"), 1);
}
