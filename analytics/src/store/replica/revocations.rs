//! Which sign-ins have ended, as far as the replica knows.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common_auth::{Ended, RevocationSource, RevocationsUnread};

use super::Replica;
use crate::metrics;

#[async_trait]
impl RevocationSource for Replica {
    /// How far the replica is behind is told as in [`Replica::counts`]; one that does not know is behind without bound.
    async fn ended(&self, now: DateTime<Utc>) -> Result<Ended, RevocationsUnread> {
        let row = sqlx::query!(
            r#"select
                array(select session_id from analytics_revocations where expires_at > $1) as "sessions!",
                (select case
                    when not pg_is_in_recovery() then 0
                    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                        and exists (select from pg_stat_wal_receiver) then 0
                    else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
                end)::float8 as behind"#,
            now,
        )
        .fetch_one(&self.0)
        .await
        .map_err(RevocationsUnread::because)?;
        if let Some(seconds) = row.behind {
            ::metrics::gauge!(metrics::REPLICA_LAG).set(seconds);
        }
        let behind = row
            .behind
            .map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)));
        Ok(Ended {
            sessions: row.sessions.into_iter().collect(),
            behind: behind.and_then(Result::ok).unwrap_or(Duration::MAX),
        })
    }
}
