//! Use case: a user founds a team and becomes its owner.

use common_events::Outgoing;
use common_http::Principal;
use common_telemetry::audit_event;

use crate::model::{Team, TeamName};
use crate::producer::TeamCreated;
use crate::store::team;
use crate::{Error, Users};

/// Adds the team with its owner: rows, audit and event in one statement.
pub(crate) async fn create_team(
    users: &Users,
    principal: &Principal,
    name: TeamName,
) -> Result<Team, Error> {
    let (id, at) = (users.ids.uuid(), users.clock.now());
    let event = Outgoing::of(&TeamCreated {
        team_id: id,
        name: name.as_str().to_owned(),
        created_by: principal.user_id,
        version: 1,
        occurred_at: at,
    });
    let mut connection = users.pools.write.acquire().await?;
    let change = users.change(principal, at, event);
    let team = team::insert(&mut connection, id, &name, principal.user_id, &change).await?;
    audit_event!(
        actor = principal.user_id,
        action = "team.created",
        entity = "team",
        id = id,
        "team created"
    );
    Ok(team)
}
