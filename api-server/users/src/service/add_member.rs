//! Use case: an admin of a team adds a member.

use common_http::{ApiResult, Attempt, Effect, Reply, Written};
use common_telemetry::audit_event;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::model::{Email, Member, of_member};
use crate::producer::TeamMemberAdded;
use crate::store::scope::{Own, PersonScope, TeamScope};
use crate::store::{member, user};
use crate::{Error, Role, Users};

/// Who is added: by id or by address.
pub(crate) enum Whom {
    Id(Uuid),
    Email(Email),
}

/// Adds the member.
pub(crate) async fn add_member<V: Serialize>(
    users: &Users,
    attempt: &Attempt,
    team: Uuid,
    whom: Whom,
    role: Role,
    answer: impl FnOnce(Member) -> Reply<V>,
) -> ApiResult<Written> {
    let principal = &attempt.principal;
    let mut added = None;
    let work = async |connection: &mut PgConnection| {
        let visible = TeamScope::locked(connection, Own::of(principal), team).await?;
        let scope = visible.grant(role)?;
        let found = match &whom {
            Whom::Id(id) => user::get(connection, PersonScope::to_join(scope, *id)).await?,
            // Whoever is added learns of it. By trying out, anybody with a team could look people up, and nobody would know.
            Whom::Email(_) if attempt.is_dry_run() => {
                let refusal = Error::Invalid {
                    pointer: "/email",
                    detail: "an address is not looked up when the request is only tried out; name the user by user_id, or leave dry_run out",
                };
                return Err(refusal.into());
            }
            Whom::Email(email) => user::find_by_email(connection, scope, email).await?,
        };
        let user = found.ok_or(Error::NotFound("user"))?;
        let (at, version) = (users.clock.now(), visible.team().version + 1);
        let event = TeamMemberAdded {
            team_id: team,
            user_id: user.id,
            role,
            added_by: principal.user_id,
            version,
            occurred_at: at,
        };
        let diff = of_member(user.id, None, Some(role));
        let record = users.record(principal, at, "team.member_added", diff, &event);
        member::insert(connection, scope, user.id, &record).await?;
        added = Some(user.id);
        Ok(Effect::Changed(Member {
            user_id: user.id,
            email: user.email,
            name: user.name,
            user_version: user.version,
            role,
            version,
            created_at: at,
            updated_at: at,
        }))
    };
    let written = attempt
        .in_transaction(&users.pools.write, users.clock.now(), work, answer)
        .await?;
    if let Some(user) = added.filter(|_| written.is_kept()) {
        audit_event!(
            actor = principal.user_id,
            action = "team.member_added",
            entity = "team",
            id = team,
            "member added",
            user.id = user.to_string()
        );
    }
    Ok(written)
}
