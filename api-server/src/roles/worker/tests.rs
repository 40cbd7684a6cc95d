//! What the role watches of itself does turn.

use common_clock::{SharedClock, SystemClock, testing::wait_for};
use tokio_util::sync::CancellationToken;

use super::*;

/// Waits until a relay has turned again.
async fn round(turned: &AtomicBool, who: &str) {
    let again = async || {
        let turned = turned.swap(false, Ordering::Relaxed);
        turned.then_some(()).ok_or("not yet".to_owned())
    };
    wait_for(who, again).await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_relay_turns_when_it_is_active_and_when_it_stands_by(pool: PgPool) {
    let (bus, stop) = (MemoryBus::default(), CancellationToken::new());
    let clock: SharedClock = Arc::new(SystemClock);
    let (one, other) = (AtomicBool::new(false), AtomicBool::new(false));
    let test = async {
        // The first turn of each, and the one after its pause.
        for _ in 0..2 {
            round(&one, "the one relay").await;
            round(&other, "the other relay").await;
        }
        stop.cancel();
    };
    tokio::join!(
        relay::run_watched(&pool, &bus, "/test", &clock, &one, &stop),
        relay::run_watched(&pool, &bus, "/test", &clock, &other, &stop),
        test
    );
}
