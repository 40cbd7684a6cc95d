//! On a real server: what is applied when, and what a killed run leaves.

use std::time::Duration;

use common_clock::testing::wait_for;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgPool, SqlStr};

use super::apply::{Patience, migrate_with};
use super::{MigrateError, Phase, migrate, plan};

const QUICK: Patience = Patience {
    lock: Duration::from_millis(20),
    tries: 500,
    pause: Duration::from_millis(5),
};

fn migration(version: i64, description: &'static str, sql: &'static str) -> Migration {
    Migration::new(
        version,
        description.into(),
        MigrationType::ReversibleUp,
        SqlStr::from_static(sql),
        sql.starts_with("-- no-transaction"),
    )
}

fn words() -> Migration {
    migration(1, "expand words", "create table words (id int, word text)")
}

/// A release that moves a column, in the order of its numbers.
fn release() -> Migrator {
    Migrator::with_migrations(vec![
        words(),
        migration(2, "contract word", "alter table words drop column word"),
        migration(3, "expand text", "alter table words add column text text"),
    ])
}

async fn columns(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select column_name::text from information_schema.columns where table_name = 'words' order by 1",
    )
    .fetch_all(pool)
    .await
    .expect("readable catalogue")
}

async fn valid(pool: &PgPool, index: &str) -> Option<bool> {
    sqlx::query_scalar("select indisvalid from pg_index where indexrelid = to_regclass($1)")
        .bind(index)
        .fetch_optional(pool)
        .await
        .expect("readable catalogue")
}

#[sqlx::test(migrations = false)]
async fn expand_comes_before_the_roll_and_contract_after_it(pool: PgPool) {
    let names = |list: Vec<super::Pending>| -> Vec<String> {
        list.into_iter().map(|pending| pending.name).collect()
    };
    let release = release();
    let planned = plan(&pool, &release).await.expect("a plan");
    assert_eq!(
        names(planned),
        [
            "0001_expand_words",
            "0003_expand_text",
            "0002_contract_word"
        ]
    );
    assert_eq!(
        columns(&pool).await,
        Vec::<String>::new(),
        "a plan only reads"
    );

    let report = migrate(&pool, &release, &[Phase::Expand])
        .await
        .expect("expanded");
    assert_eq!(report.applied, ["0001_expand_words", "0003_expand_text"]);
    assert_eq!(columns(&pool).await, ["id", "text", "word"]);

    let planned = plan(&pool, &release).await.expect("a plan");
    assert_eq!(names(planned), ["0002_contract_word"]);
    migrate(&pool, &release, &[Phase::Contract])
        .await
        .expect("contracted");
    assert_eq!(columns(&pool).await, ["id", "text"]);
    assert_eq!(plan(&pool, &release).await.expect("a plan"), []);
}

#[sqlx::test(migrations = false)]
async fn the_version_before_works_until_the_contract(pool: PgPool) {
    let before = Migrator::with_migrations(vec![words()]);
    migrate(&pool, &release(), &[Phase::Expand])
        .await
        .expect("expanded");
    assert_eq!(plan(&pool, &before).await.expect("it suits"), []);
    migrate(&pool, &before, &Phase::ALL)
        .await
        .expect("it suits");

    migrate(&pool, &release(), &[Phase::Contract])
        .await
        .expect("contracted");
    for error in [
        plan(&pool, &before).await.expect_err("too old"),
        migrate(&pool, &before, &Phase::ALL)
            .await
            .expect_err("too old"),
    ] {
        assert!(
            matches!(&error, MigrateError::FromTheFuture(name) if name == "0002_contract_word"),
            "{error}"
        );
        assert!(!error.is_transient());
    }
}

/// The statement is cancelled in the middle, as a kill of the process or of the server would end it.
#[sqlx::test(migrations = false)]
async fn an_index_that_a_killed_run_left_invalid_is_built_anew(pool: PgPool) {
    let release = Migrator::with_migrations(vec![
        words(),
        migration(
            2,
            "expand words by id",
            "-- no-transaction\ncreate index concurrently if not exists words_id_idx on words (id)",
        ),
    ]);
    let first = Migrator::with_migrations(vec![words()]);
    migrate(&pool, &first, &Phase::ALL).await.expect("a table");

    // An older transaction holds the build up between its two passes, where the index is there and invalid.
    let mut older = crate::begin(&pool).await.expect("a transaction");
    sqlx::query("insert into words values (1, 'a')")
        .execute(&mut *older)
        .await
        .expect("a row");
    let killed = async {
        wait_for("the index is being built", async || {
            let ended: Option<bool> = sqlx::query_scalar(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and query ilike '%create index concurrently%'
                   and wait_event_type = 'Lock' and pid <> pg_backend_pid()",
            )
            .fetch_optional(&pool)
            .await
            .expect("readable activity");
            ended.ok_or_else(|| "nobody builds an index".to_owned())
        })
        .await;
    };
    let (outcome, ()) = tokio::join!(migrate(&pool, &release, &Phase::ALL), killed);
    let error = outcome.expect_err("it was killed");
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(valid(&pool, "words_id_idx").await, Some(false));
    older.commit().await.expect("ended");

    let report = migrate(&pool, &release, &Phase::ALL).await.expect("healed");
    assert_eq!(report.applied, ["0002_expand_words_by_id"]);
    assert_eq!(valid(&pool, "words_id_idx").await, Some(true));
}

#[sqlx::test(migrations = false)]
async fn an_index_of_somebody_else_is_left_alone(pool: PgPool) {
    let first = Migrator::with_migrations(vec![words()]);
    migrate(&pool, &first, &Phase::ALL).await.expect("a table");
    sqlx::raw_sql("insert into words values (1, 'a'), (1, 'b')")
        .execute(&pool)
        .await
        .expect("rows");
    sqlx::query("create unique index concurrently by_hand on words (id)")
        .execute(&pool)
        .await
        .expect_err("not unique");
    let release = Migrator::with_migrations(vec![
        words(),
        migration(
            2,
            "expand words by word",
            "-- no-transaction\ncreate index concurrently if not exists words_word_idx on words (word)",
        ),
    ]);
    migrate(&pool, &release, &Phase::ALL)
        .await
        .expect("applied");
    assert_eq!(valid(&pool, "by_hand").await, Some(false));
}

#[sqlx::test(migrations = false)]
async fn a_table_in_use_is_waited_for_without_holding_up_requests(pool: PgPool) {
    let first = Migrator::with_migrations(vec![words()]);
    migrate(&pool, &first, &Phase::ALL).await.expect("a table");
    let mut reader = crate::begin(&pool).await.expect("a transaction");
    sqlx::query("select * from words")
        .execute(&mut *reader)
        .await
        .expect("a read");

    let impatient = Patience { tries: 3, ..QUICK };
    let error = migrate_with(&pool, &release(), &Phase::ALL, impatient)
        .await
        .expect_err("the reader is still there");
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(columns(&pool).await, ["id", "word"], "rolled back");

    let ended = async {
        wait_for("a statement waits for the table", async || {
            let waiting: Option<i32> = sqlx::query_scalar(
                "select pid from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .fetch_optional(&pool)
            .await
            .expect("readable activity");
            waiting.ok_or_else(|| "nobody waits".to_owned())
        })
        .await;
        reader.commit().await.expect("ended");
    };
    let release = release();
    let (outcome, ()) = tokio::join!(migrate_with(&pool, &release, &Phase::ALL, QUICK), ended);
    outcome.expect("applied");
    assert_eq!(columns(&pool).await, ["id", "text"]);
}

#[sqlx::test(migrations = false)]
async fn however_many_start_at_once_one_migrates(pool: PgPool) {
    let release = release();
    let runs = (0..8).map(|_| migrate_with(&pool, &release, &Phase::ALL, QUICK));
    let reports = futures::future::join_all(runs).await;
    let applied: Vec<usize> = reports
        .into_iter()
        .map(|report| report.expect("migrated").applied.len())
        .filter(|applied| *applied > 0)
        .collect();
    assert_eq!(applied, [3]);
    sqlx::query(AssertSqlSafe("select text from words".to_owned()))
        .fetch_all(&pool)
        .await
        .expect("the table is whole");
}
