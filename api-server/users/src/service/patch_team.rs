//! Use case: an admin of a team changes fields of it.

use common_http::{ApiResult, Attempt, Effect, IfMatch, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Users;
use crate::model::{Team, TeamName, changed};
use crate::producer::{TeamEvent, TeamUpdated};
use crate::store::scope::{Own, TeamScope};
use crate::store::team;

/// Fields to change; `None` leaves a field.
pub(crate) struct TeamPatch {
    pub(crate) name: Option<TeamName>,
}

impl TeamPatch {
    fn fields(&self) -> &[&'static str] {
        match self.name {
            Some(_) => &["name"],
            None => &[],
        }
    }

    fn apply(&self, team: &Team) -> Team {
        let mut after = team.clone();
        if let Some(name) = &self.name {
            name.as_str().clone_into(&mut after.name);
        }
        after
    }
}

/// Changes the team, unless that would undo what the caller has not `seen`. A change that changes nothing is none.
pub(crate) async fn patch_team<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    id: Uuid,
    seen: &IfMatch,
    patch: &TeamPatch,
    answer: impl FnOnce(Team) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let work = async |connection: &mut PgConnection| {
        let visible = TeamScope::locked(connection, Own::of(principal), id).await?;
        let scope = visible.patch()?;
        let before = visible.team();
        visible
            .history()
            .allow_change(connection, before.version, seen, patch.fields())
            .await?;
        let mut after = patch.apply(before);
        let diff = changed(Some(before), &after);
        if diff.is_empty() {
            return Ok(Effect::Unchanged(after));
        }
        after.version += 1;
        after.updated_at = users.clock.now();
        let event = TeamUpdated(TeamEvent::of(&after, principal.user_id, &diff));
        let record = users.record(principal, after.updated_at, "team.updated", diff, &event);
        team::update(connection, scope, &after, &record).await?;
        Ok(Effect::Changed(after))
    };
    let written = attempt
        .in_transaction(&users.pools.write, users.clock.now(), work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "team.updated",
            entity = "team",
            id = id,
            "team updated"
        );
    }
    Ok(written)
}
