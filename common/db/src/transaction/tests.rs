//! One connection, and a caller who leaves.

use std::time::Duration;

use futures::poll;
use sqlx::postgres::PgPoolOptions;

use super::*;

/// Long enough for a machine that has much to do.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
async fn holds(what: &str, condition: impl AsyncFn() -> bool) {
    let look = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(DEADLINE, look).await;
    assert!(in_time.is_ok(), "waited too long: {what}");
}

#[sqlx::test(migrations = false)]
async fn who_leaves_while_a_transaction_begins_leaves_none_behind(other: PgPool) {
    let create = "create table words (word text)";
    sqlx::query(create).execute(&other).await.expect("a table");
    let connect = (*other.connect_options()).clone();
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect_with(connect)
        .await
        .expect("a pool");
    holds("the connection rests", async || pool.num_idle() == 1).await;
    let mut beginning = Box::pin(begin(&pool));
    assert!(poll!(&mut beginning).is_pending(), "BEGIN is on its way");
    holds("the server has begun", async || {
        let begun = "select exists (select from pg_stat_activity
             where datname = current_database() and state = 'idle in transaction')";
        let begun = sqlx::query_scalar(begun).fetch_one(&other).await;
        begun.is_ok_and(|begun: bool| begun)
    })
    .await;
    // Nobody has read the answer.
    drop(beginning);
    let insert = "insert into words values ('kept')";
    sqlx::query(insert).execute(&pool).await.expect("a row");
    let kept: i64 = sqlx::query_scalar("select count(*) from words")
        .fetch_one(&other)
        .await
        .expect("a number");
    assert_eq!(kept, 1, "what was answered as done is done");
}

#[sqlx::test(migrations = false)]
async fn a_transaction_that_is_not_committed_is_rolled_back(pool: PgPool) {
    let create = "create table words (word text)";
    sqlx::query(create).execute(&pool).await.expect("a table");
    for keep in [false, true] {
        let mut transaction = begin(&pool).await.expect("a transaction");
        sqlx::query("insert into words values ('one')")
            .execute(&mut *transaction)
            .await
            .expect("a row");
        if keep {
            transaction.commit().await.expect("committed");
        }
    }
    let kept: i64 = sqlx::query_scalar("select count(*) from words")
        .fetch_one(&pool)
        .await
        .expect("a number");
    assert_eq!(kept, 1);
}
