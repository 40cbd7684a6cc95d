//! Use case: an admin of a team gives a member another role.

use common_http::{ApiResult, Attempt, Effect, IfMatch, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::seen::allow_role;
use crate::model::{Member, of_member};
use crate::producer::TeamMemberChanged;
use crate::store::member;
use crate::store::scope::{Own, TeamScope};
use crate::{Error, Role, Users};

/// Gives the member the role, if any is asked for; one that they have already is no change.
pub(crate) async fn patch_member<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    (team, user): (Uuid, Uuid),
    seen: &IfMatch,
    role: Option<Role>,
    answer: impl FnOnce(Member) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let work = async |connection: &mut PgConnection| {
        let visible = TeamScope::locked(connection, Own::of(principal), team).await?;
        let before = member::get(connection, &visible, user).await?;
        let role = role.unwrap_or(before.role);
        let scope = visible.regrant(before.role, role)?;
        allow_role(connection, &visible, &before, seen).await?;
        if role == before.role {
            return Ok(Effect::Unchanged(before));
        }
        if before.role == Role::Owner
            && !member::has_another_owner(connection, &visible, user).await?
        {
            return Err(Error::LastOwner.into());
        }
        let at = users.clock.now();
        let after = Member {
            role,
            version: visible.team().version + 1,
            updated_at: at,
            ..before.clone()
        };
        let event = TeamMemberChanged {
            team_id: team,
            user_id: user,
            role_before: before.role,
            role,
            changed_by: principal.user_id,
            version: after.version,
            occurred_at: at,
        };
        let diff = of_member(user, Some(before.role), Some(role));
        let record = users.record(principal, at, "team.member_changed", diff, &event);
        member::update(connection, scope, user, &record).await?;
        Ok(Effect::Changed(after))
    };
    let written = attempt
        .in_transaction(&users.pools.write, users.clock.now(), work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "team.member_changed",
            entity = "team",
            id = team,
            "member has another role",
            user.id = user.to_string()
        );
    }
    Ok(written)
}
