//! Use case: a member leaves a team, or an admin of it removes them.

use common_http::{ApiResult, Attempt, Effect, IfMatch, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::seen::allow_removal;
use crate::model::{FormerMember, of_member};
use crate::producer::TeamMemberRemoved;
use crate::store::member;
use crate::store::scope::{Own, TeamScope};
use crate::{Error, Role, Users};

/// Removes the member as the caller has `seen` them. What they have to do in the team is taken from them by whoever hears the
/// event: this domain knows nothing of it.
pub(crate) async fn remove_member<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    (team, user): (Uuid, Uuid),
    seen: &IfMatch,
    answer: impl FnOnce(FormerMember) -> Reply<V>,
) -> ApiResult<Written> {
    let (principal, own) = (&attempt.principal, Own::of(&attempt.principal));
    let work = async |connection: &mut PgConnection| {
        let visible = TeamScope::locked(connection, own, team).await?;
        let was = member::get(connection, &visible, user).await?;
        let scope = visible.remove(own, user, was.role)?;
        allow_removal(connection, &visible, &was, seen).await?;
        if was.role == Role::Owner && !member::has_another_owner(connection, &visible, user).await?
        {
            return Err(Error::LastOwner.into());
        }
        let at = users.clock.now();
        let event = TeamMemberRemoved {
            team_id: team,
            user_id: user,
            role: was.role,
            removed_by: principal.user_id,
            version: visible.team().version + 1,
            occurred_at: at,
        };
        let diff = of_member(user, Some(was.role), None);
        let record = users.record(principal, at, "team.member_removed", diff, &event);
        member::delete(connection, scope, &record).await?;
        Ok(Effect::Changed(FormerMember {
            was,
            removed_at: at,
        }))
    };
    let written = attempt
        .in_transaction(&users.pools.write, users.clock.now(), work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "team.member_removed",
            entity = "team",
            id = team,
            "member removed",
            user.id = user.to_string()
        );
    }
    Ok(written)
}
