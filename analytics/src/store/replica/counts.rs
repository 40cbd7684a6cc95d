//! A team's tasks, counted in one statement and so in one snapshot.

use chrono::{DateTime, Utc};

use super::Replica;
use super::access::Scope;
use crate::Error;
use crate::model::Counts;

impl Replica {
    /// The counts of a team; what is due before `now` and not done is overdue.
    ///
    /// How far the replica is behind: 0 on a primary; 0 on a replica that has applied all it received
    /// and still receives (an idle primary sends nothing, so the age of the last transaction says
    /// nothing); else the age of the last transaction that it applied, which it does not know before
    /// the first one.
    pub(crate) async fn counts(&self, scope: Scope, now: DateTime<Utc>) -> Result<Counts, Error> {
        sqlx::query_as!(
            Counts,
            r#"select
                count(*) filter (where not t.is_archived) as "total!",
                count(*) filter (where not t.is_archived and t.status = 'todo') as "todo!",
                count(*) filter (where not t.is_archived and t.status = 'doing') as "doing!",
                count(*) filter (where not t.is_archived and t.status = 'done') as "done!",
                count(*) filter (where t.is_archived) as "archived!",
                count(*) filter (where not t.is_archived and t.status <> 'done' and t.due_at < $2) as "overdue!",
                (select count(*) from analytics_memberships m where m.team_id = $1) as "members!",
                (select case
                    when not pg_is_in_recovery() then 0
                    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                        and exists (select from pg_stat_wal_receiver) then 0
                    else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())
                end)::float8 as "replica_lag_seconds"
            from analytics_tasks t where t.team_id = $1"#,
            scope.team_id(),
            now,
        )
        .fetch_one(&self.0)
        .await
        .map_err(Error::Replica)
    }
}
