//! What a caller has not seen, it does not undo: `If-Match` beside the history of the task, whose row is locked.

use common_http::IfMatch;
use sqlx::PgConnection;

use crate::Error;
use crate::model::{Changed, Task};
use crate::store::history;
use crate::store::scope::ReadScope;

/// Allows a change of these `fields`: of the version that the caller saw, and of a later one if nobody changed any of
/// them since. Then both changes stand.
pub(super) async fn allow_change(
    connection: &mut PgConnection,
    scope: &ReadScope,
    task: &Task,
    seen: &IfMatch,
    fields: &[&'static str],
) -> Result<(), Error> {
    if seen.allows(task.version) {
        return Ok(());
    }
    let Some(changes) = since(connection, scope, task, seen).await? else {
        return Err(stale(task, Vec::new(), &[]));
    };
    if changes
        .iter()
        .all(|change| !fields.contains(&change.field.as_str()))
    {
        return Ok(());
    }
    Err(stale(task, changes, fields))
}

/// Allows an act on the task as a whole: of the version that the caller saw, and of no other.
pub(super) async fn allow_act(
    connection: &mut PgConnection,
    scope: &ReadScope,
    task: &Task,
    seen: &IfMatch,
) -> Result<(), Error> {
    if seen.allows(task.version) {
        return Ok(());
    }
    let changes = since(connection, scope, task, seen).await?;
    Err(stale(task, changes.unwrap_or_default(), &[]))
}

/// What differs from the version that the caller saw; `None` when it names none that the history still tells of.
async fn since(
    connection: &mut PgConnection,
    scope: &ReadScope,
    task: &Task,
    seen: &IfMatch,
) -> Result<Option<Vec<Changed>>, Error> {
    match seen.newest_before(task.version) {
        Some(version) => history::since(connection, scope, task, version).await,
        None => Ok(None),
    }
}

fn stale(task: &Task, changes: Vec<Changed>, wanted: &[&'static str]) -> Error {
    Error::Stale {
        current: task.version,
        changes: changes.into_iter().map(Into::into).collect(),
        wanted: wanted.to_vec(),
    }
}
