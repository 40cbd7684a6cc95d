//! The own tables go up, down and up again, beside the application's or alone.

use analytics::{MIGRATOR, migrate};
use common_config::SecretRef;
use common_db::Phase;
use sqlx::{ConnectOptions as _, PgPool};

const SHAPE: &str = "
    select format('%s.%s %s %s', table_name, column_name, data_type, is_nullable)
    from information_schema.columns where table_schema = 'analytics' and table_name <> '_sqlx_migrations'
    union all
    select indexdef from pg_indexes where schemaname = 'analytics' and tablename <> '_sqlx_migrations'
    union all
    select format('%s %s', conname, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace = 'analytics'::regnamespace and conrelid <> 'analytics._sqlx_migrations'::regclass
    order by 1";

async fn shape(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(SHAPE)
        .fetch_all(pool)
        .await
        .expect("readable catalogue")
}

async fn up_down_up(pool: &PgPool) {
    let url = SecretRef::from(pool.connect_options().to_url_lossy().to_string());
    let report = migrate(&url, &Phase::ALL).await.expect("up");
    assert_eq!(report.applied.len(), report.total);
    assert_eq!(report.applied[0], "0001_expand_daily_counts");
    let first = shape(pool).await;
    assert!(
        first
            .iter()
            .any(|line| line.starts_with("daily_task_counts.day date NO")),
        "{first:?}"
    );
    let again = migrate(&url, &Phase::ALL).await.expect("nothing to do");
    assert_eq!((again.applied.len(), again.total), (0, report.total));
    MIGRATOR.undo(pool, 0).await.expect("down");
    assert_eq!(shape(pool).await, Vec::<String>::new());
    let back = migrate(&url, &Phase::ALL).await.expect("up again");
    assert_eq!(back, report);
    assert_eq!(shape(pool).await, first);
}

#[sqlx::test(migrations = false)]
async fn up_down_up_in_a_database_of_its_own(pool: PgPool) {
    up_down_up(&pool).await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn up_down_up_beside_the_application(pool: PgPool) {
    up_down_up(&pool).await;
}

#[sqlx::test(migrations = false)]
async fn a_failing_statement_is_named(pool: PgPool) {
    sqlx::raw_sql("create schema analytics; create table analytics.inbox (id int)")
        .execute(&pool)
        .await
        .expect("something in the way");
    let url = SecretRef::from(pool.connect_options().to_url_lossy().to_string());
    let error = migrate(&url, &Phase::ALL)
        .await
        .expect_err("the table exists");
    let words = format!("{:#}", anyhow::Error::from(error));
    assert!(
        words.contains("migration 0001_expand_daily_counts failed"),
        "{words}"
    );
    assert!(words.contains("inbox"), "{words}");
}

/// The phase decides when a migration is applied: none is without.
#[test]
fn every_migration_names_its_phase() {
    for migration in MIGRATOR.iter() {
        let first = migration.description.split(' ').next();
        assert!(
            matches!(first, Some("expand" | "contract")),
            "{}",
            migration.description
        );
    }
}
