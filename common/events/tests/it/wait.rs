//! Waiting for a condition with a deadline: the one place of these tests where time passes.

use std::time::Duration;

/// Longest wait.
const DEADLINE: Duration = Duration::from_secs(20);

/// Looks again and again until `condition` holds.
pub(crate) async fn wait_for(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what} did not happen in time");
}
