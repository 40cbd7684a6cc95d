//! Waiting in tests for a condition with a deadline: the one place where time passes.

use std::time::Duration;

/// Longest wait.
const DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until `condition` holds; what it said last explains a failure.
///
/// # Panics
/// At the deadline, naming `what` was waited for.
pub async fn wait_for<T>(what: &str, mut condition: impl AsyncFnMut() -> Result<T, String>) -> T {
    let mut last = String::new();
    let asked = async {
        loop {
            match condition().await {
                Ok(value) => return value,
                Err(said) => last = said,
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let outcome = tokio::time::timeout(DEADLINE, asked).await;
    assert!(outcome.is_ok(), "waited in vain for {what}: {last}");
    outcome.expect("just asserted")
}
