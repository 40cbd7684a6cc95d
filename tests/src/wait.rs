//! Waiting for a condition with a deadline. No test waits for time to pass.

use anyhow::{Result, anyhow};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(200);

/// Looks until `look` answers `Ok(value)`; an error means "not yet" and says what was seen instead.
///
/// # Errors
/// At the deadline, with `what` and the last thing seen.
pub async fn wait_for<T, F, Fut>(what: &str, limit: Duration, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + limit;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = anyhow!("nothing was seen in time");
    loop {
        // A look that hangs must not outlive the deadline either.
        match timeout_at(deadline, look()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => seen = error,
            Err(_) => {
                return Err(seen.context(format!("{what}: not within {} s", limit.as_secs())));
            }
        }
        if timeout_at(deadline, ticks.tick()).await.is_err() {
            return Err(seen.context(format!("{what}: not within {} s", limit.as_secs())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::ensure;
    use std::cell::Cell;

    #[tokio::test]
    async fn returns_the_first_value() {
        let looks = Cell::new(0);
        let value = wait_for("three looks", Duration::from_secs(10), async || {
            looks.set(looks.get() + 1);
            ensure!(looks.get() == 3, "only {} looks", looks.get());
            Ok(looks.get())
        })
        .await
        .expect("a value");
        assert_eq!(value, 3);
    }

    #[tokio::test]
    async fn tells_what_it_saw_last() {
        let error = wait_for("the moon", Duration::from_millis(300), async || {
            Err::<(), _>(anyhow!("a cloud"))
        })
        .await
        .expect_err("no value");
        let text = format!("{error:#}");
        assert!(
            text.contains("the moon") && text.contains("a cloud"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_look_that_hangs_ends_at_the_deadline() {
        let error = wait_for(
            "an answer",
            Duration::from_millis(100),
            std::future::pending::<Result<()>>,
        )
        .await
        .expect_err("no value");
        assert!(format!("{error:#}").contains("an answer"));
    }
}
