//! Reaching a server at start, however long it is away.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use common_service::ReadyCheck;
use tokio_util::sync::CancellationToken;

/// First and longest pause between attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Calls `attempt` until it succeeds; what is missing is told by `what` in the log and by `check`, if
/// the role cannot serve without it. That it was reached is never taken back: a server that is away later is away for every
/// pod. `None` when the role stops before.
pub async fn reach<T, E, F>(
    what: &'static str,
    check: Option<&ReadyCheck>,
    stop: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Option<T>
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<T, E>>,
{
    let tell = |ready: bool, reason: &dyn Display| {
        if let Some(check) = check {
            check.set(ready, reason.to_string());
        }
    };
    let mut pause = PAUSE.0;
    loop {
        match stop.run_until_cancelled(attempt()).await? {
            Ok(reached) => {
                tell(true, &"reached");
                return Some(reached);
            }
            Err(error) => {
                let error: anyhow::Error = error.into();
                let reason = format!("{error:#}");
                tracing::warn!(what, reason, "not reached; it will be tried again");
                tell(false, &reason);
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(pause)).await?;
        pause = (pause * 2).min(PAUSE.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_tries_until_it_succeeds() {
        let mut attempts = 0;
        let stop = CancellationToken::new();
        let reached = reach("server", None, &stop, || {
            attempts += 1;
            let outcome = if attempts < 4 {
                Err(std::io::Error::other("away"))
            } else {
                Ok(attempts)
            };
            std::future::ready(outcome)
        });
        assert_eq!(reached.await, Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_role() {
        let stop = CancellationToken::new();
        stop.cancel();
        let away = || std::future::ready(Err::<(), _>(std::io::Error::other("away")));
        assert_eq!(reach("server", None, &stop, away).await, None);
    }
}
