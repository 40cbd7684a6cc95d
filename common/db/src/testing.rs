//! Counting statements: the number must not grow with the number of rows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

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
