//! Use case: whoever has left a team has none of its tasks any more.

use api_server_users::facade::TeamMemberRemoved;
use common_clock::{SharedClock, SharedIds};
use common_events::{Outgoing, inbox, outbox};
use common_telemetry::audit_event;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Error;
use crate::model::{Task, changed, stored};
use crate::producer::{TaskEvent, TaskUpdated};
use crate::store::assigned::{self, Release};
use crate::store::scope::LeftScope;

/// Tasks that are held in memory at once.
const BATCH: u16 = 200;

/// What the use case needs; it runs without a request.
pub(crate) struct Unassigner {
    pub(crate) pool: PgPool,
    pub(crate) clock: SharedClock,
    pub(crate) ids: SharedIds,
}

/// Takes whoever was `removed` from each active task of the team, as an act of whoever removed them; once however often
/// `consumer` gets the event, and not at all if they are in the team again.
pub(crate) async fn unassign(
    parts: &Unassigner,
    consumer: &str,
    event: Uuid,
    removed: &TeamMemberRemoved,
) -> Result<(), Error> {
    let mut transaction = common_db::begin(&parts.pool).await?;
    if !inbox::first_time(&mut transaction, consumer, event).await? {
        return Ok(());
    }
    let (team, user, actor) = (removed.team_id, removed.user_id, removed.removed_by);
    let mut tasks = 0;
    if let Some(scope) = LeftScope::of(&mut transaction, team, user).await? {
        // What is released is found no more: each round finds others.
        loop {
            let found = assigned::lock(&mut transaction, scope, BATCH).await?;
            if found.is_empty() {
                break;
            }
            tasks += found.len();
            let at = stored(parts.clock.now());
            let releases = found
                .into_iter()
                .map(|before| {
                    let after = Task {
                        owner_id: None,
                        version: before.version + 1,
                        updated_at: at,
                        ..before.clone()
                    };
                    let diff = changed(Some(&before), &after);
                    let told = TaskUpdated(TaskEvent::of(&after, actor, &diff));
                    let told = Outgoing::of(&told).by(actor);
                    outbox::check_size(&told)?;
                    Ok(Release {
                        task: after.id,
                        version: after.version,
                        diff: diff.into_json(),
                        event_id: parts.ids.uuid(),
                        event: told,
                    })
                })
                .collect::<Result<Vec<_>, Error>>()?;
            assigned::release(&mut transaction, scope, &releases, (actor, event, at)).await?;
        }
    }
    transaction.commit().await?;
    if tasks > 0 {
        audit_event!(
            actor = actor,
            action = "task.updated",
            entity = "team",
            id = team,
            "tasks of somebody who left the team are nobody's",
            user.id = user.to_string(),
            tasks = tasks
        );
    }
    Ok(())
}
