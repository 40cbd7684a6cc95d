//! Every migration goes up, down and up again, and leaves the same schema.

use api_server_schema::MIGRATOR;
use common_db::{MigrateError, Phase, migrate};
use sqlx::PgPool;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const SHAPE: &str = "
    select format('%s.%s %s %s', table_name, column_name, data_type, is_nullable)
    from information_schema.columns where table_schema = 'public' and table_name <> '_sqlx_migrations'
    union all
    select indexdef from pg_indexes where schemaname = 'public' and tablename <> '_sqlx_migrations'
    union all
    select format('%s %s', conname, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace = 'public'::regnamespace and conrelid <> 'public._sqlx_migrations'::regclass
    union all
    select format('%s %s %s %s %s', tablename, policyname, cmd, qual, with_check) from pg_policies where schemaname = 'public'
    union all
    select relname from pg_class where relnamespace = 'public'::regnamespace and relrowsecurity
    order by 1";

async fn shape(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(SHAPE)
        .fetch_all(pool)
        .await
        .expect("readable catalogue")
}

#[sqlx::test(migrations = false)]
async fn up_down_up_gives_the_same_schema(pool: PgPool) {
    let report = migrate(&pool, &MIGRATOR, &Phase::ALL).await.expect("up");
    assert_eq!(report.applied.len(), report.total);
    assert_eq!(
        report.applied.first().map(String::as_str),
        Some("0001_expand_users")
    );
    let first = shape(&pool).await;
    assert!(!first.is_empty());
    MIGRATOR.undo(&pool, 0).await.expect("down");
    assert_eq!(shape(&pool).await, Vec::<String>::new());
    // By their numbers, where `migrate` applied every `expand` before any `contract`.
    MIGRATOR.run(&pool).await.expect("up again");
    assert_eq!(shape(&pool).await, first);
    assert_eq!(
        migrate(&pool, &MIGRATOR, &Phase::ALL)
            .await
            .expect("nothing to do")
            .applied,
        Vec::<String>::new()
    );
}

#[sqlx::test(migrations = false)]
async fn a_failing_statement_is_named_and_rolled_back(pool: PgPool) {
    let sql = "create table kept_out (id int); insert into absent values (1); select 1";
    let migrator = Migrator::with_migrations(vec![Migration::new(
        1,
        "expand broken".into(),
        MigrationType::ReversibleUp,
        sqlx::SqlStr::from_static(sql),
        false,
    )]);
    let error = migrate(&pool, &migrator, &Phase::ALL)
        .await
        .expect_err("a table is absent");
    let MigrateError::Statement {
        migration,
        statement,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!(migration, "0001_expand_broken");
    assert_eq!(statement.as_deref(), Some("insert into absent values (1)"));
    let kept: Option<String> = sqlx::query_scalar("select to_regclass('kept_out')::text")
        .fetch_one(&pool)
        .await
        .expect("readable");
    assert_eq!(kept, None);
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

#[sqlx::test(migrations = false)]
async fn an_edited_migration_is_refused(pool: PgPool) {
    let first = |sql| {
        Migrator::with_migrations(vec![Migration::new(
            1,
            "expand words".into(),
            MigrationType::ReversibleUp,
            sqlx::SqlStr::from_static(sql),
            false,
        )])
    };
    migrate(&pool, &first("create table words (id int)"), &Phase::ALL)
        .await
        .expect("up");
    let error = migrate(&pool, &first("create table words (id bigint)"), &Phase::ALL)
        .await
        .expect_err("it was edited");
    assert!(
        matches!(&error, MigrateError::Changed(name) if name == "0001_expand_words"),
        "{error}"
    );
}
