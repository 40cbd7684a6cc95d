//! Use case: a user founds a team and becomes its owner.

use common_http::{ApiResult, Attempt, Effect, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;

use crate::model::{Team, TeamName, changed};
use crate::producer::TeamCreated;
use crate::store::scope::Own;
use crate::store::team;
use crate::{Role, Users};

/// Adds the team: row, owner, audit and event in one statement.
pub(crate) async fn create_team<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    name: &TeamName,
    answer: impl FnOnce(Team) -> Reply<V>,
) -> ApiResult<Written> {
    let (id, at, principal) = (users.ids.uuid(), users.clock.now(), &attempt.principal);
    let made = Team {
        id,
        name: name.as_str().to_owned(),
        is_archived: false,
        version: 1,
        created_at: at,
        updated_at: at,
        role: Role::Owner,
    };
    let event = TeamCreated {
        team_id: id,
        name: made.name.clone(),
        created_by: principal.user_id,
        version: made.version,
        occurred_at: at,
    };
    let diff = changed(None, &made);
    let record = users.record(principal, at, "team.created", diff, &event);
    let work = async |connection: &mut PgConnection| {
        team::insert(connection, Own::of(principal), &made, &record).await?;
        Ok(Effect::Changed(made))
    };
    let written = attempt
        .in_one_statement(&users.pools.write, at, work, answer)
        .await?;
    if written.is_kept() {
        audit_event!(
            actor = principal.user_id,
            action = "team.created",
            entity = "team",
            id = id,
            "team created"
        );
    }
    Ok(written)
}
