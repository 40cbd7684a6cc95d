//! Whether the loops turn, as workers on a real database tell it.

use std::sync::Arc;

use common_clock::{SystemClock, testing::wait_for};
use common_jobs::{Queue, Turns, Workers};
use sqlx::{PgPool, Postgres, Transaction, postgres::PgPoolOptions};

use crate::world::{Act, Work, World, workers};

/// Waits until every loop has turned again.
async fn round(turns: &Turns) {
    let turned = async || turns.all().then_some(()).ok_or("not all".to_owned());
    wait_for("a turn of every loop", turned).await;
}

/// The table of jobs, which nobody else sees until the end of the transaction.
async fn held(pool: &PgPool) -> Transaction<'static, Postgres> {
    let mut held = common_db::begin(pool).await.expect("a transaction");
    sqlx::query("lock table gw._private_jobs in access exclusive mode")
        .execute(&mut *held)
        .await
        .expect("locked");
    held
}

/// Waits until somebody waits for the table.
async fn hangs(pool: &PgPool) {
    let waits = async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity \
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(pool)
        .await
        .expect("a count");
        (waiting > 0).then_some(()).ok_or("nobody waits".to_owned())
    };
    wait_for("a question without an answer", waits).await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn loops_turn_with_nothing_to_do(pool: PgPool) {
    let world = World::new(&pool).await;
    let workers = workers(&pool, &world.board);
    let turns = workers.turns();
    assert!(!turns.all(), "they do not run yet");
    let test = async {
        for _ in 0..3 {
            round(&turns).await;
        }
        world.soft.cancel();
    };
    let (ended, ()) = tokio::join!(workers.run(world.soft.clone(), world.hard.clone()), test);
    ended.expect("in order");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_loop_that_hangs_does_not_turn_and_one_without_a_free_slot_need_not(pool: PgPool) {
    let world = World::new(&pool).await;
    // Connections of the test's own: the workers may use up theirs.
    let own = PgPoolOptions::new().max_connections(2);
    let own = own.connect_with(pool.connect_options().as_ref().clone());
    let own = own.await.expect("a pool");
    let workers = Workers::new(pool.clone(), Arc::new(SystemClock))
        .queue(Queue::Default, 1)
        .register::<Work>(world.board.clone());
    let turns = workers.turns();
    let test = async {
        round(&turns).await;
        let table = held(&own).await;
        hangs(&own).await;
        // What came before the table was held.
        let _ = turns.all();
        assert!(!turns.all());
        table.rollback().await.expect("free");
        round(&turns).await;

        world.enqueue("at work", Act::Wait).await;
        world.board.begun(1).await;
        let table = held(&own).await;
        hangs(&own).await;
        assert!(turns.all() && turns.all(), "its slot is at work");
        table.rollback().await.expect("free");
        world.board.open_gate();
        world.happened(&["at work"]).await;
        round(&turns).await;
        world.soft.cancel();
    };
    let (ended, ()) = tokio::join!(workers.run(world.soft.clone(), world.hard.clone()), test);
    ended.expect("in order");
    own.close().await;
}
