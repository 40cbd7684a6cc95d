//! Jobs that are put into the application's own queue without a pause, and what became of each of them.

use anyhow::{Context as _, Result, ensure};
use sqlx::{Executor as _, PgConnection};
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
/// Another one, whose last statement deletes the runs of jobs that ended a month ago, and waits for who holds one of these.
const ENQUEUE_LONG: &str =
    "select id from gw.add_job(identifier => 'app.purge_records', payload => '{}'::json)";
/// A run that is old enough for it, of no job.
const OLD_RUN: &str = "
    insert into job_runs (job_id, name, queue, attempt, started_at, finished_at, outcome)
    values (0, 'e2e', 'default', 1, now() - interval '31 days', now() - interval '31 days', 'succeeded') returning id";
/// Whether a job was begun so many seconds ago.
const IS_LONG: &str = "
    select exists (select from job_runs where job_id = $1 and started_at <= now() - make_interval(secs => $2))";
/// How long such a run is held at least: less than the roles' limit for a statement, and than their time to end.
pub const LONG: Duration = Duration::from_secs(3);
/// Between two jobs.
const PERIOD: Duration = Duration::from_millis(100);
/// How long the last ones may take, one that waits for its next attempt included.
const RUN: Duration = Duration::from_mins(1);
/// How often each job was begun, how often that ended well, and the seconds that this took at most.
const FATE: &str = "
    select count(*) filter (where succeeded = 0), count(*) filter (where succeeded > 1), coalesce(sum(attempts), 0)::bigint,
        coalesce(max(seconds), 0)::float8
    from (select count(r.id) filter (where r.outcome = 'succeeded') as succeeded, count(r.id) as attempts,
            max(extract(epoch from r.finished_at - r.started_at)) filter (where r.outcome = 'succeeded') as seconds
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
    /// The longest attempt that ended well.
    pub longest: Duration,
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

/// Enqueues jobs that take some seconds, one after the other, until told to stop. Gives their numbers.
///
/// # Errors
/// When the database refuses one, or nobody has been at one long enough in a minute.
pub async fn enqueue_long(
    cluster: &Cluster,
    platform: &Platform,
    stop: watch::Receiver<bool>,
) -> Result<Vec<i64>> {
    let mut database = database(cluster, platform).await?;
    let mut jobs = Vec::new();
    while !*stop.borrow() {
        let run: i64 = sqlx::query_scalar(OLD_RUN).fetch_one(&mut database).await?;
        database.execute("begin").await?;
        sqlx::query("select from job_runs where id = $1 for update")
            .bind(run)
            .execute(&mut database)
            .await?;
        jobs.push(kept_busy(cluster, platform).await?);
        database.execute("rollback").await?;
    }
    Ok(jobs)
}

/// Enqueues a job that takes long, and waits until a worker has been at it for as long as it is to take.
async fn kept_busy(cluster: &Cluster, platform: &Platform) -> Result<i64> {
    let mut connection = database(cluster, platform).await?;
    let job: i64 = sqlx::query_scalar(ENQUEUE_LONG)
        .fetch_one(&mut connection)
        .await
        .context("enqueue a job that takes long")?;
    wait_for("a job takes long", RUN, async || {
        let mut connection = database(cluster, platform).await?;
        let is_long: bool = sqlx::query_scalar(IS_LONG)
            .bind(job)
            .bind(LONG.as_secs_f64())
            .fetch_one(&mut connection)
            .await?;
        ensure!(is_long, "job {job} has not been at work for so long");
        Ok(())
    })
    .await?;
    Ok(job)
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
        let (lost, twice, attempts, seconds): (i64, i64, i64, f64) = told.await?;
        ensure!(lost == 0, "{lost} of {} jobs did not run", jobs.len());
        Ok(Fate {
            lost,
            twice,
            attempts,
            longest: Duration::from_secs_f64(seconds),
        })
    })
    .await?;
    ensure!(fate.twice == 0, "{fate:?}");
    Ok(fate)
}
