//! How far the replica is behind the primary: in bytes for a login that has to be known there, in seconds for those who read
//! there.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use crds::Reason;
use sqlx::PgConnection;

use super::server::{Address, admin, close, failed, primary};
use crate::platform::{StepError, validate::PostgresServer};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How often one pass looks for a replica that is behind before it says so. What a primary that rested for long has just
/// written makes it look far behind for a moment.
const LOOKS: usize = 5;

/// Seconds. A replica that has applied all that it received, and still receives, is not behind: a primary that rests sends
/// nothing, so that the age of the last transaction tells nothing then. No number before the first transaction that it applies.
const BEHIND: &str = "
    select case
        when not pg_is_in_recovery() then 0
        when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver) then 0
        else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
    end::float8";

/// That the replica is behind by more than `most`, in words.
pub(super) async fn excess(
    follower: &mut PgConnection,
    at: Address<'_>,
    most: TimeDelta,
) -> Result<Option<String>, StepError> {
    for look in 1..=LOOKS {
        let behind: Option<f64> = sqlx::query_scalar(BEHIND)
            .fetch_one(&mut *follower)
            .await
            .map_err(|error| failed(at, "looking how far the replica is behind", &error))?;
        if behind.is_none_or(|seconds| seconds <= most.as_seconds_f64()) {
            return Ok(None);
        }
        if look < LOOKS {
            tokio::time::sleep(LOOK).await;
        }
    }
    // Without the number: it grows from look to look, and would be news at each.
    Ok(Some(format!(
        "PostgreSQL works, but the replica at {at} is behind by more than the {} s of spec.database.maximumReplicaLagSeconds, \
         and so are the figures of analytics. Check that its replay is not paused, and that it receives what the primary \
         sends",
        most.num_seconds()
    )))
}

/// Bytes that the replica is behind what the primary has written up to now; looks until it is 0, for as long as `limit`.
pub(super) async fn unreplayed(
    server: &PostgresServer,
    connection: &mut PgConnection,
    at: Address<'_>,
    limit: Duration,
) -> Result<i64, StepError> {
    let wrong =
        |at, error: sqlx::Error| failed(at, "comparing the replica with the primary", &error);
    let written: String = sqlx::query_scalar("select pg_current_wal_lsn()::text")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| wrong(primary(server), error))?;
    let mut follower = admin(server, at, &server.database).await?;
    let deadline = Instant::now() + limit;
    loop {
        let behind: Option<i64> = sqlx::query_scalar(
            "select pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn())::bigint",
        )
        .bind(&written)
        .fetch_one(&mut follower)
        .await
        .map_err(|error| wrong(at, error))?;
        let Some(behind) = behind else {
            return Err(StepError::transient(
                Reason::BackendRefused,
                format!(
                    "PostgreSQL at {at} is no replica: correct replica-host and replica-port in the Secret of \
                     spec.database, or leave them out"
                ),
            ));
        };
        if behind <= 0 || Instant::now() >= deadline {
            close(follower).await;
            return Ok(behind.max(0));
        }
        tokio::time::sleep(LOOK).await;
    }
}
