//! Jobs that are put into the application's own queue without a pause, and what became of each of them.

use anyhow::{Context as _, Result, ensure};
use sqlx::PgConnection;
use std::time::Duration;
use tokio::{sync::watch, time::interval};

use crate::{
    backends::{self, Server},
    cluster::Cluster,
    platform::Platform,
    wait::wait_for,
};

/// One of the application's jobs, by the function that it calls itself. It may run at any time, and any number of times.
const ENQUEUE: &str =
    "select id from gw.add_job(identifier => 'users.purge_sessions', payload => '{}'::json)";
/// Between two jobs.
const PERIOD: Duration = Duration::from_millis(100);
/// How long the last ones may take, one that waits for its next attempt included.
const RUN: Duration = Duration::from_mins(1);
/// How often each job was begun, and how often that ended well.
const FATE: &str = "
    select count(*) filter (where succeeded = 0), count(*) filter (where succeeded > 1), coalesce(sum(attempts), 0)::bigint
    from (select count(r.id) filter (where r.outcome = 'succeeded') as succeeded, count(r.id) as attempts
        from unnest($1::bigint[]) as job (id) left join job_runs r on r.job_id = job.id group by job.id) as jobs";

/// What became of many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// Jobs that never ended well.
    pub lost: i64,
    /// Jobs that ended well more than once.
    pub twice: i64,
    /// Attempts in all.
    pub attempts: i64,
}

/// The application's database, with the application's login.
async fn database(cluster: &Cluster, platform: &Platform) -> Result<PgConnection> {
    let name = platform.secret("db-app");
    let secret = cluster.secret(&platform.namespace, &name).await?;
    let url = secret.get("url").context("the Secret has url")?;
    let server = &cluster.status.backends.postgres;
    let options = backends::postgres_options(server, url, Server::Primary)?;
    backends::postgres(&options).await
}

/// Enqueues ten jobs a second until told to stop. Gives their numbers.
///
/// # Errors
/// When the database refuses one.
pub async fn enqueue(
    cluster: &Cluster,
    platform: &Platform,
    stop: watch::Receiver<bool>,
) -> Result<Vec<i64>> {
    let mut database = database(cluster, platform).await?;
    let mut jobs = Vec::new();
    let mut ticks = interval(PERIOD);
    while !*stop.borrow() {
        ticks.tick().await;
        let id = sqlx::query_scalar(ENQUEUE).fetch_one(&mut database).await;
        jobs.push(id.context("enqueue a job")?);
    }
    Ok(jobs)
}

/// Waits until each of these jobs has run, to its end and once.
///
/// # Errors
/// When one has not in a minute, or one ended well more than once.
pub async fn every_job_ran_once(
    cluster: &Cluster,
    platform: &Platform,
    jobs: &[i64],
) -> Result<Fate> {
    ensure!(!jobs.is_empty(), "no job was enqueued");
    let fate = wait_for("no job is lost", RUN, async || {
        let mut database = database(cluster, platform).await?;
        let told = sqlx::query_as(FATE).bind(jobs).fetch_one(&mut database);
        let (lost, twice, attempts): (i64, i64, i64) = told.await?;
        ensure!(lost == 0, "{lost} of {} jobs did not run", jobs.len());
        Ok(Fate {
            lost,
            twice,
            attempts,
        })
    })
    .await?;
    ensure!(fate.twice == 0, "{fate:?}");
    Ok(fate)
}
