//! Statements that are held up until a test lets them go on.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

/// Long enough for a machine that has much to do.
const DEADLINE: Duration = Duration::from_secs(20);

/// A transaction that has done `sql` and holds its locks until it ends.
pub(crate) async fn hold(pool: &PgPool, sql: &str) -> Transaction<'static, Postgres> {
    let mut held = common_db::begin(pool).await.expect("a transaction");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut *held)
        .await
        .expect("its locks");
    held
}

/// Waits until `condition` holds.
pub(crate) async fn holds(what: &str, condition: impl AsyncFn() -> bool) {
    let look = async { while !condition().await {} };
    let in_time = tokio::time::timeout(DEADLINE, look).await;
    assert!(in_time.is_ok(), "waited too long: {what}");
}

/// Waits until a statement waits for somebody's lock.
pub(crate) async fn waits_for_a_lock(pool: &PgPool) {
    wait_for_locks(pool, 1).await;
}

/// Waits until so many statements wait for somebody's lock.
pub(crate) async fn wait_for_locks(pool: &PgPool, statements: i64) {
    holds("statements wait", async || {
        let waiting = "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'";
        let waiting = sqlx::query_scalar(waiting).fetch_one(pool).await;
        waiting.is_ok_and(|waiting: i64| waiting >= statements)
    })
    .await;
}
