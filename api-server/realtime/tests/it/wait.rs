//! Waiting for a condition with a deadline: the one place of these tests where time passes.

use std::time::Duration;

/// Longest wait.
const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again until `condition` holds; what it said last explains a failure.
pub(crate) async fn wait_for<T>(what: &str, condition: impl AsyncFn() -> Result<T, String>) -> T {
    let mut last = String::new();
    let asked = async {
        loop {
            match condition().await {
                Ok(value) => return value,
                Err(said) => last = said,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let outcome = tokio::time::timeout(DEADLINE, asked).await;
    assert!(outcome.is_ok(), "waited in vain for {what}: {last}");
    outcome.expect("just asserted")
}
