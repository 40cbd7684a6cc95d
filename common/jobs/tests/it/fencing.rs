//! An attempt whose job was taken over has no effect.

use sqlx::PgPool;

use crate::world::{Act, World};

/// What another worker writes when it takes the job over.
async fn take_over(pool: &PgPool, column: &str) {
    let sql = format!("update gw._private_jobs set {column}");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(pool)
        .await
        .expect("taken over");
}

/// A job at the gate is taken over; then the gate opens. The old attempt fails, the next one has the effect.
async fn frozen(pool: &PgPool, column: &str) {
    let world = World::new(pool).await;
    world.enqueue("once", Act::Wait).await;
    world
        .during(async {
            world.board.begun(1).await;
            take_over(pool, column).await;
            world.board.open_gate();
            world.board.begun(2).await;
            let lost = ("failed", Some("attempt 1 of job 1 has lost its lease"));
            world.recorded(&[lost, ("succeeded", None)]).await;
        })
        .await;
    assert_eq!(world.effects().await, ["once"]);
    assert_eq!(world.queued().await, 0);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn another_workers_job_is_not_ended(pool: PgPool) {
    frozen(&pool, "locked_by = 'another', locked_at = now()").await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_job_that_this_worker_claimed_anew_is_not_ended_by_the_old_attempt(pool: PgPool) {
    frozen(&pool, "locked_at = locked_at + interval '1 second'").await;
}
