//! The queue's schema.

use graphile_worker_migrations::{GraphileWorkerMigration, sql::GRAPHILE_WORKER_MIGRATIONS};
use sqlx::PgPool;

/// Statements of this crate name private tables of the library, and a worker of a former release works beside the new schema
/// for a while. Before a number here changes, read what the new migrations do to `gw._private_jobs`,
/// `gw._private_job_queues` and `gw._private_tasks`, and whether one of them is breaking: a former worker refuses to go on
/// over that.
#[test]
fn the_migrations_are_those_that_our_statements_were_written_for() {
    let numbers = |breaking: bool| -> Vec<u32> {
        let migrations = GRAPHILE_WORKER_MIGRATIONS.iter();
        migrations
            .filter(|migration| migration.is_breaking() || !breaking)
            .map(GraphileWorkerMigration::migration_number)
            .collect()
    };
    assert_eq!(numbers(false), (1..=22).collect::<Vec<_>>());
    assert_eq!(numbers(true), [1, 3, 11, 13, 14, 16]);
}

#[sqlx::test(migrations = false)]
async fn a_plan_tells_what_is_missing_and_changes_nothing(pool: PgPool) {
    let plan = async || common_jobs::plan(&pool).await.expect("a plan");
    let whole = plan().await.expect("all is missing");
    assert_eq!((whole.version, plan().await), (22, Some(whole.clone())));
    common_jobs::migrate(&pool).await.expect("migrated");
    assert_eq!(plan().await, None);
    let newest: i32 = sqlx::query_scalar("select max(id) from gw.migrations")
        .fetch_one(&pool)
        .await
        .expect("a number");
    assert_eq!(newest, 22, "the library has others than its list");
    sqlx::query("delete from gw.migrations where id > 20")
        .execute(&pool)
        .await
        .expect("deleted");
    assert_eq!(plan().await, Some(whole), "cut off, it is the same plan");
}
