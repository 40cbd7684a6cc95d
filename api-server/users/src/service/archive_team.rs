//! Use case: an owner takes a team out of sight with all that it has, or brings it back. Nothing is deleted.

use common_http::{ApiResult, Attempt, Effect, IfMatch, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Users;
use crate::model::{Team, changed};
use crate::producer::{TeamArchived, TeamEvent, TeamRestored};
use crate::store::scope::{Own, TeamScope};
use crate::store::team;

/// Archives (`true`) or restores (`false`) the team as the caller has `seen` it; one that is so already stays as it is. No row
/// of what it has is touched: scopes have active teams alone.
pub(crate) async fn set_archived<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    id: Uuid,
    seen: &IfMatch,
    archived: bool,
    answer: impl FnOnce(Team) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let action = if archived {
        "team.archived"
    } else {
        "team.restored"
    };
    let work = async |connection: &mut PgConnection| {
        let visible = TeamScope::locked(connection, Own::of(principal), id).await?;
        let scope = visible.archive()?;
        let before = visible.team();
        visible
            .history()
            .allow_act(connection, before.version, seen)
            .await?;
        if before.is_archived == archived {
            return Ok(Effect::Unchanged(before.clone()));
        }
        let after = Team {
            is_archived: archived,
            version: before.version + 1,
            updated_at: users.clock.now(),
            ..before.clone()
        };
        let diff = changed(Some(before), &after);
        let (at, event) = (
            after.updated_at,
            TeamEvent::of(&after, principal.user_id, &diff),
        );
        let record = if archived {
            users.record(principal, at, action, diff, &TeamArchived(event))
        } else {
            users.record(principal, at, action, diff, &TeamRestored(event))
        };
        team::update(connection, scope, &after, &record).await?;
        Ok(Effect::Changed(after))
    };
    let written = attempt
        .in_transaction(&users.pools.write, users.clock.now(), work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = action,
            entity = "team",
            id = id,
            "team archived or restored"
        );
    }
    Ok(written)
}
