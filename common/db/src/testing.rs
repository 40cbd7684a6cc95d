//! Counting statements, whose number must not grow with the number of rows; and telling whether anything was kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use sqlx::{AssertSqlSafe, PgPool};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// While there is but one subscriber, tracing asks only the thread that first comes to a place whether anybody
/// listens there, and remembers the answer for all threads: a test beside ours, which counts nothing, would silence
/// sqlx for us. With these two there never is but one.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::new())));

/// Counts what sqlx sends on this thread while it lives (COMMIT counts, BEGIN does not).
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
        if metadata.target() == "sqlx::query" && *metadata.level() <= Level::DEBUG {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
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
