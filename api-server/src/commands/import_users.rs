//! `crewdeck users import`.

use api_server_users::{ImportError, Imported};
use common_clock::{SharedClock, SharedIds};
use common_config::SecretRef;
use common_db::PoolOptions;

/// Adds the users of `lines`, one JSON object each, to the application's database; with `dry_run` only tries it.
///
/// # Errors
/// When any line cannot be imported, each with its faults, or the database cannot be used.
pub async fn import_users(
    database: &SecretRef,
    lines: &str,
    dry_run: bool,
    clock: &SharedClock,
    ids: &SharedIds,
) -> anyhow::Result<Imported> {
    let pool = common_db::pool(database, &PoolOptions::command("crewdeck users")).await?;
    let done = api_server_users::import_users(&pool, lines, dry_run, clock, ids).await;
    pool.close().await;
    done.map_err(|error| match error {
        ImportError::Faults(faults) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("nothing was imported:\n{}", lines.join("\n"))
        }
        failed @ ImportError::Failed(_) => failed.into(),
    })
}
