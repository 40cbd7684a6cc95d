//! `crewdeck migrate`, the application's half: tables, the job queue, and the first administrator.

use api_server_schema::MIGRATOR;
use api_server_users::create_first_admin;
use common_clock::{SharedClock, SharedIds};
use common_config::SecretRef;
use common_db::{MigrateError, Pending, Phase, PoolOptions};
use uuid::Uuid;

use super::Administrator;

/// What is missing in the application's database, its job queue included. Only reads.
///
/// # Errors
/// When the server does not accept the login, or the database does not suit this version.
pub async fn plan(database: &SecretRef) -> anyhow::Result<Vec<Pending>> {
    let pool = common_db::pool(database, &PoolOptions::command("crewdeck migrate")).await?;
    let tables = common_db::plan(&pool, &MIGRATOR).await;
    let queue = common_jobs::plan(&pool).await.map_err(MigrateError::from);
    pool.close().await;
    let mut pending = tables?;
    // A worker of the former version goes on beside them: `common/jobs` pins which there are.
    pending.extend(queue?.map(|queue| {
        let name = format!("queue_{:04}", queue.version);
        Pending::new(name, Phase::Expand, &queue.checksum)
    }));
    Ok(pending)
}

/// Brings the application's database to this version, as far as `phases` go; makes the first administrator when there is
/// none, and gives its id.
///
/// # Errors
/// What failed; a [`common_db::MigrateError`] names the migration. Everything before it stays applied.
pub async fn migrate(
    database: &SecretRef,
    phases: &[Phase],
    administrator: Option<&Administrator>,
    clock: &SharedClock,
    ids: &SharedIds,
) -> anyhow::Result<Option<Uuid>> {
    let pool = common_db::pool(database, &PoolOptions::command("crewdeck migrate")).await?;
    let report = common_db::migrate(&pool, &MIGRATOR, phases).await?;
    tracing::info!(applied = ?report.applied, total = report.total, "the application's tables are as wanted");
    if phases.contains(&Phase::Expand) {
        common_jobs::migrate(&pool).await?;
    }
    let mut made = None;
    if let Some(administrator) = administrator {
        let admin = administrator.parse()?;
        made = create_first_admin(&pool, admin, clock, ids).await?;
        if let Some(id) = made {
            tracing::info!(%id, "the first administrator was made");
        } else {
            tracing::info!("there is an administrator already");
        }
    }
    pool.close().await;
    Ok(made)
}
