//! `If-Match` of a member, whose history is the team's: the versions of both are counted together.

use common_history::{Refusal, Stale};
use common_http::{FieldChange, IfMatch};
use sqlx::PgConnection;

use crate::model::{Member, place};
use crate::store::scope::TeamScope;

/// Allows another role for the member: of the version that the caller saw, and of a later one if the role is what it was.
pub(super) async fn allow_role(
    connection: &mut PgConnection,
    scope: &TeamScope,
    member: &Member,
    seen: &IfMatch,
) -> Result<(), Refusal> {
    if seen.allows(member.version) {
        return Ok(());
    }
    match since(connection, scope, member, seen).await? {
        None => Err(stale(member, Vec::new(), Vec::new())),
        Some(changes) if changes.is_empty() => Ok(()),
        Some(changes) => Err(stale(member, changes, vec!["role"])),
    }
}

/// Allows to remove the member: of the version that the caller saw, and of no other.
pub(super) async fn allow_removal(
    connection: &mut PgConnection,
    scope: &TeamScope,
    member: &Member,
    seen: &IfMatch,
) -> Result<(), Refusal> {
    if seen.allows(member.version) {
        return Ok(());
    }
    let changes = since(connection, scope, member, seen).await?;
    Err(stale(member, changes.unwrap_or_default(), Vec::new()))
}

/// What differs of the member from the version that the caller saw; `None` when it names none that the history still tells of.
async fn since(
    connection: &mut PgConnection,
    scope: &TeamScope,
    member: &Member,
    seen: &IfMatch,
) -> Result<Option<Vec<FieldChange>>, sqlx::Error> {
    let Some(version) = seen.newest_before(member.version) else {
        return Ok(None);
    };
    let of_team = scope
        .history()
        .since(connection, scope.team().version, version)
        .await?;
    let own = format!("/{}", place(member.user_id));
    Ok(of_team.map(|changes| {
        let changes = changes.into_iter();
        changes
            .filter(|change| change.pointer == own)
            .map(|change| FieldChange {
                pointer: "/role".to_owned(),
                ..change
            })
            .collect()
    }))
}

fn stale(member: &Member, changes: Vec<FieldChange>, wanted: Vec<&'static str>) -> Refusal {
    Refusal::Stale(Stale {
        what: "member",
        current: member.version,
        changes,
        wanted,
    })
}
