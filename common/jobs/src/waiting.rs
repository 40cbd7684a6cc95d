//! How long jobs wait: the stall alarm, queue by queue, since a worker that stopped taking jobs looks healthy otherwise.
//! And what an autoscaler follows, over all of them.

use std::time::Duration;

use sqlx::{PgPool, error::DatabaseError};

use crate::{error::JobError, job::Queue, metrics, store::queue as rows};

/// How often the age of the oldest waiting job is measured.
const MEASURE: Duration = Duration::from_secs(15);

/// Measures for as long as there are tables to look at. Without them there is no work, and the library would look for some
/// at once again, for ever: the role ends with the error instead, and whoever starts it anew does so with growing pauses.
pub(crate) async fn measure(pool: &PgPool, queues: &[(Queue, Vec<&str>)]) -> JobError {
    let mut ticks = tokio::time::interval(MEASURE);
    loop {
        ticks.tick().await;
        let mut ages = Vec::new();
        for (queue, names) in queues {
            let age =
                async { rows::oldest_runnable(&mut *pool.acquire().await?, names).await }.await;
            let age = age.inspect_err(|error| {
                tracing::warn!(queue = queue.as_str(), %error, "how long jobs wait could not be measured");
            });
            match age {
                Err(error) if is_gone(&error) => return error.into(),
                age => ages.push((*queue, age.ok())),
            }
        }
        publish(&ages);
    }
}

/// Whether the table or its schema does not exist.
fn is_gone(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "42P01" || code == "3F000")
}

/// Tells the ages. One that could not be measured is `NaN`, which `/metrics` leaves out: the former one would have an
/// autoscaler add pods for as long as the database is away, and a zero would have it take away those that are at work. The
/// longest wait is that of all queues or of none: the one that did not answer may have it.
fn publish(ages: &[(Queue, Option<f64>)]) {
    for (queue, age) in ages {
        ::metrics::gauge!(metrics::OLDEST, "queue" => queue.as_str()).set(age.unwrap_or(f64::NAN));
    }
    let longest = ages
        .iter()
        .try_fold(0.0, |longest: f64, (_, age)| Some(longest.max((*age)?)));
    ::metrics::gauge!(metrics::LONGEST_WAIT).set(longest.unwrap_or(f64::NAN));
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn what_could_not_be_measured_is_not_told() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let page = recorder.handle();
        let value = |name: &str| -> String {
            let page = page.render();
            let line = page.lines().find_map(|line| line.strip_prefix(name));
            line.expect(name).trim().to_owned()
        };
        let told = || {
            [
                "jobs_oldest_runnable_seconds{queue=\"default\"}",
                "jobs_oldest_runnable_seconds{queue=\"interactive\"}",
                "jobs_longest_wait_seconds",
            ]
            .map(value)
        };
        ::metrics::with_local_recorder(&recorder, || {
            publish(&[(Queue::Default, Some(7.0)), (Queue::Interactive, Some(3.0))]);
            assert_eq!(told(), ["7", "3", "7"]);
            publish(&[(Queue::Default, None), (Queue::Interactive, Some(3.0))]);
            assert_eq!(told(), ["NaN", "3", "NaN"]);
            publish(&[(Queue::Default, Some(0.0)), (Queue::Interactive, Some(0.0))]);
            assert_eq!(told(), ["0", "0", "0"]);
        });
    }
}
