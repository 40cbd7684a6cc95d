//! Use case: a user founds a team and becomes its owner.

use common_events::Outgoing;
use common_http::idempotency::{self, Answer, Attempt, Begun};
use common_http::{ApiError, Principal, Reply};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;

use crate::model::{Team, TeamName};
use crate::producer::TeamCreated;
use crate::store::team;
use crate::{Error, Users};

/// Adds the team. With `again`, the key and content of a request that may come again, the answer is kept with the team,
/// and a second request gets it without a second team.
pub(crate) async fn create_team<V: Serialize>(
    users: &Users,
    principal: &Principal,
    name: TeamName,
    again: Option<(Attempt<'_>, &(impl Serialize + Sync))>,
    answer: impl Fn(Team) -> Reply<V>,
) -> Result<Answer<V>, ApiError> {
    let Some((attempt, content)) = again else {
        let mut connection = users.pools.write.acquire().await?;
        let made = insert(users, &mut connection, principal, &name).await?;
        return Ok(Answer::Fresh(answer(made)));
    };
    let mut transaction = users.pools.write.begin().await?;
    match idempotency::begin(&mut transaction, attempt, content, users.clock.now()).await? {
        Begun::Replay(response) => Ok(Answer::Kept(response)),
        Begun::First => {
            let made = insert(users, &mut transaction, principal, &name).await?;
            let reply = answer(made);
            idempotency::finish(&mut transaction, attempt, &reply).await?;
            transaction.commit().await?;
            Ok(Answer::Fresh(reply))
        }
    }
}

/// Team, owner, audit and event in one statement.
async fn insert(
    users: &Users,
    connection: &mut PgConnection,
    principal: &Principal,
    name: &TeamName,
) -> Result<Team, Error> {
    let (id, at) = (users.ids.uuid(), users.clock.now());
    let event = Outgoing::of(&TeamCreated {
        team_id: id,
        name: name.as_str().to_owned(),
        created_by: principal.user_id,
        version: 1,
        occurred_at: at,
    });
    let change = users.change(principal, at, event);
    let team = team::insert(connection, id, name, principal.user_id, &change).await?;
    audit_event!(
        actor = principal.user_id,
        action = "team.created",
        entity = "team",
        id = id,
        "team created"
    );
    Ok(team)
}
