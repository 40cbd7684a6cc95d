//! Use case: a user founds a team and becomes its owner.

use common_events::Outgoing;
use common_http::{ApiResult, Attempt, Effect, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;

use crate::Users;
use crate::model::{Team, TeamName};
use crate::producer::TeamCreated;
use crate::store::scope::Own;
use crate::store::team;

/// Adds the team: row, owner, audit and event in one statement.
pub(crate) async fn create_team<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    name: &TeamName,
    answer: impl FnOnce(Team) -> Reply<V>,
) -> ApiResult<Written> {
    let (id, at, principal) = (users.ids.uuid(), users.clock.now(), &attempt.principal);
    let event = Outgoing::of(&TeamCreated {
        team_id: id,
        name: name.as_str().to_owned(),
        created_by: principal.user_id,
        version: 1,
        occurred_at: at,
    });
    let change = users.change(principal, at, event);
    let work = async |connection: &mut PgConnection| {
        let team = team::insert(connection, Own::of(principal), id, name, &change).await?;
        Ok(Effect::Changed(team))
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
