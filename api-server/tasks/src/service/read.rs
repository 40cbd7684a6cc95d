//! Use cases that only read.

use common_history::Entry;
use common_http::{Fresh, IfNoneMatch, Limit, Principal, etag};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::Task;
use crate::store::list::{Filter, Position};
use crate::store::scope::ReadScope;
use crate::store::{list, task};
use crate::{Error, Tasks};

/// A task of one of the caller's teams, archived or not, unless the caller holds it as a `V`. Whoever asks that mostly does,
/// so the version is read first and the task, which may be long, only where it is not the same.
pub(crate) async fn get<V: ToSchema + 'static>(
    tasks: &Tasks,
    principal: &Principal,
    id: Uuid,
    held: &IfNoneMatch,
) -> Result<Fresh<Task>, Error> {
    let mut connection = tasks.pools.write.acquire().await?;
    let scope = ReadScope::of(&mut connection, principal.user_id).await?;
    if held.is_sent() {
        let etag = etag::<V>(task::version_of(&mut connection, &scope, id).await?);
        if held.has(&etag) {
            return Ok(Fresh::Held(etag));
        }
    }
    Ok(Fresh::Whole(task::get(&mut connection, &scope, id).await?))
}

/// A page of tasks of `team`, or of all the caller's teams; one row more than `limit` when it goes on.
pub(crate) async fn list(
    tasks: &Tasks,
    principal: &Principal,
    team: Option<Uuid>,
    filter: &Filter,
    after: Option<Position>,
    limit: Limit,
) -> Result<Vec<Task>, Error> {
    let mut connection = tasks.pools.write.acquire().await?;
    let scope = match team {
        Some(team) => ReadScope::of_team(&mut connection, principal.user_id, team).await?,
        None => ReadScope::of(&mut connection, principal.user_id).await?,
    };
    list::page(&mut connection, &scope, filter, after, limit.rows_and_one()).await
}

/// A page of what was done to a task; one row more than `limit` when it goes on.
pub(crate) async fn history(
    tasks: &Tasks,
    principal: &Principal,
    id: Uuid,
    before: Option<i64>,
    limit: Limit,
) -> Result<Vec<Entry>, Error> {
    let mut connection = tasks.pools.write.acquire().await?;
    let scope = ReadScope::of(&mut connection, principal.user_id).await?;
    task::get(&mut connection, &scope, id).await?;
    Ok(scope
        .history(id)
        .page(&mut connection, before, limit)
        .await?)
}
