//! The end of a former login: when every pod uses its successor and no session is at work with it any more.

use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::{
    lag::unreplayed,
    release::cut_off,
    server::{Address, admin, close, failed, ident, primary, replica, run},
};
use crate::{
    acts::{self, Act, System},
    credentials::{Issue, Rotation},
    platform::{StepError, validate::PostgresServer},
};

/// A session that has been idle for this long is not about to work: its pool has others, of the new login.
const IDLE: TimeDelta = TimeDelta::seconds(5);
/// How long one pass waits until the replica knows that a login is shut.
const REPLAY: Duration = Duration::from_secs(2);

/// With the sessions of a former login.
#[derive(Clone, Copy)]
struct Patience {
    /// Whether an idle session has a time of grace still.
    is_left: bool,
    /// How long a transaction may take.
    most: TimeDelta,
}

/// Shuts the login in `slot` and ends its sessions, or tells what that waits for. It is ended when it is shut and neither
/// server has a session of it: whoever dies in between has left one of these to be seen.
pub(super) async fn end(
    server: &PostgresServer,
    connection: &mut PgConnection,
    slot: &String,
    issue: &Issue,
    rotation: &Rotation<'_>,
) -> Result<Option<String>, StepError> {
    let at = primary(server);
    let most = rotation.schedule.patience;
    let end = issue.at.checked_add_signed(most);
    let patience = Patience {
        is_left: end.is_none_or(|end| rotation.now < end),
        most,
    };
    let mut at_work = end_idle(connection, at, slot, patience).await?;
    let mut follower = match replica(server) {
        Some(at) => Some((admin(server, at, &server.database).await?, at)),
        None => None,
    };
    if let Some((connection, at)) = &mut follower {
        at_work += end_idle(connection, *at, slot, patience).await?;
    }
    if at_work > 0 {
        return Ok(Some(format!(
            "sessions of {slot} that are at work: {at_work}"
        )));
    }
    let sql = format!("alter role {} nologin", ident(slot));
    run(connection, at, "shutting", format!("login {slot}"), sql).await?;
    let ended = std::slice::from_ref(slot);
    cut_off(connection, at, ended).await?;
    if let Some((mut follower, at)) = follower {
        // Until it knows, it lets the login in.
        let behind = unreplayed(server, connection, at, REPLAY).await?;
        cut_off(&mut follower, at, ended).await?;
        close(follower).await;
        if behind > 0 {
            let words = format!("the replica at {at} does not know yet that {slot} is shut");
            return Ok(Some(words));
        }
    }
    tracing::info!(login = slot, "a former login was ended");
    Ok(None)
}

/// Ends the sessions of a login that are idle, and those whose transaction takes too long; counts the others. When nobody
/// is patient any more, an idle session has no time of grace, and neither has one whose state cannot be seen for want of
/// `pg_read_all_stats`.
async fn end_idle(
    connection: &mut PgConnection,
    at: Address<'_>,
    login: &str,
    patience: Patience,
) -> Result<i64, StepError> {
    let act = Act::new(
        System::Postgres,
        "ending",
        format!("idle sessions of {login}"),
    );
    let work = sqlx::query_scalar(
        "select count(*) filter (where not ended) from (
            select case
                when $2 and state = 'idle' and state_change < now() - make_interval(secs => $3)
                    or not $2 and (coalesce(state, 'idle') = 'idle' or xact_start < now() - make_interval(secs => $4))
                then pg_terminate_backend(pid) else false end as ended
            from pg_stat_activity where usename = $1) as sessions",
    )
    .bind(login)
    .bind(patience.is_left)
    .bind(seconds(IDLE))
    .bind(seconds(patience.most))
    .fetch_one(connection);
    let at_work = acts::act(&act, work).await;
    at_work.map_err(|error| failed(at, &act.doing(), &error))
}

fn seconds(time: TimeDelta) -> f64 {
    time.as_seconds_f64()
}
