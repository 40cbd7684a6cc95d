//! Use case: an admin of a team adds a member.

use common_events::Outgoing;
use common_http::Principal;
use common_telemetry::audit_event;
use uuid::Uuid;

use crate::model::{Email, Member};
use crate::producer::TeamMemberAdded;
use crate::store::{team, user};
use crate::{Error, Role, Users, facade};

/// Who is added: by id or by address.
pub(crate) enum Whom {
    Id(Uuid),
    Email(Email),
}

/// Adds the member. The team's row is locked first: its version orders the team's events.
pub(crate) async fn add_member(
    users: &Users,
    principal: &Principal,
    team: Uuid,
    whom: Whom,
    role: Role,
) -> Result<Member, Error> {
    let mut transaction = users.pools.write.begin().await?;
    let own = facade::may_read(&mut transaction, principal.user_id, team).await?;
    if !own.may_grant(role) {
        return Err(Error::Forbidden(
            "only an owner or admin of the team may add members, and only an owner adds owners",
        ));
    }
    let found = match &whom {
        Whom::Id(id) => user::get(&mut transaction, *id).await?,
        Whom::Email(email) => user::find_by_email(&mut transaction, email).await?,
    };
    let user = found.ok_or(Error::NotFound("user"))?;
    let version = team::lock(&mut transaction, team).await? + 1;
    let at = users.clock.now();
    let event = Outgoing::of(&TeamMemberAdded {
        team_id: team,
        user_id: user.id,
        role,
        added_by: principal.user_id,
        version,
        occurred_at: at,
    });
    let change = users.change(principal, at, event);
    team::add_member(&mut transaction, team, user.id, role, &change).await?;
    transaction.commit().await?;
    audit_event!(
        actor = principal.user_id,
        action = "team.member_added",
        entity = "team",
        id = team,
        "member added",
        user.id = user.id.to_string()
    );
    Ok(Member {
        user_id: user.id,
        email: user.email,
        name: user.name,
        role,
        created_at: at,
    })
}
