//! Counting statements, whose number must not grow with the number of rows; telling whether anything was kept; and working with
//! the rights of the application.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tracing::field::{Field, Visit};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::pools::{RESET, forgetful};

/// While there is but one subscriber, tracing asks only the thread that first comes to a place whether anybody
/// listens there, and remembers the answer for all threads: a test beside ours, which counts nothing, would silence
/// sqlx for us. With these two there never is but one.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));

/// Counts what sqlx sends on this thread while it lives (COMMIT counts, BEGIN does not, nor does what a pool sends when a
/// connection comes back: nobody waits for that).
///
/// Works in tests on the current-thread runtime, which `#[sqlx::test]` and `#[tokio::test]` use.
pub struct StatementCounter {
    count: Arc<AtomicUsize>,
    _guard: DefaultGuard,
}

impl StatementCounter {
    /// Starts to count.
    #[must_use]
    pub fn start() -> Self {
        LazyLock::force(&OTHERS);
        let count = Arc::new(AtomicUsize::new(0));
        let subscriber = tracing_subscriber::registry().with(Count(Arc::clone(&count)));
        Self {
            count,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Statements since the last call, or since the start.
    #[must_use]
    pub fn take(&self) -> usize {
        self.count.swap(0, Ordering::Relaxed)
    }
}

struct Count(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Count {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() != "sqlx::query" || *metadata.level() > Level::DEBUG {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        if !statement.is_reset {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a statement is, by the first words that sqlx tells of it.
#[derive(Default)]
struct Statement {
    is_reset: bool,
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.is_reset |= field.name() == "summary" && value == RESET;
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// The database of `pool` as a deployed process sees it: with the rights of somebody who owns nothing, so that the policies of the
/// tables hold, which they do not for the superuser of a test.
///
/// # Panics
/// When the database does not answer.
pub async fn as_application(pool: &PgPool) -> PgPool {
    // Roles belong to the server: another test may be making it.
    let role = "do $$ begin
            create role crewdeck_test_application;
            exception when duplicate_object or unique_violation then null;
        end $$;
        grant select, insert, update, delete on all tables in schema public to crewdeck_test_application";
    let made = sqlx::raw_sql(role).execute(pool).await;
    made.expect("a role with rights");
    let options = pool.connect_options().as_ref().clone();
    let options = options.options([("role", "crewdeck_test_application")]);
    let application = forgetful(PgPoolOptions::new()).connect_with(options);
    application.await.expect("a connection")
}

/// The content of every table: its number of rows and a digest of them. Equal before and after what keeps nothing.
///
/// # Panics
/// When the database does not answer.
pub async fn contents(pool: &PgPool) -> BTreeMap<String, (i64, String)> {
    let tables: Vec<String> =
        sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
            .fetch_all(pool)
            .await
            .expect("the tables");
    let mut contents = BTreeMap::new();
    for table in tables {
        let sql = format!(
            "select count(*), md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from {table} t"
        );
        let content = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(pool).await;
        contents.insert(table, content.expect("a count and a digest"));
    }
    contents
}
