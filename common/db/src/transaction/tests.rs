//! One connection, and a caller who leaves.

use std::task::Poll;

use futures::poll;
use sqlx::postgres::PgPoolOptions;

use super::*;

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
    // BEGIN is on its way, and has no answer yet.
    loop {
        let mut beginning = Box::pin(begin(&pool));
        if let Poll::Ready(begun) = poll!(&mut beginning) {
            drop(begun.expect("a transaction"));
        } else {
            break;
        }
    }
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
