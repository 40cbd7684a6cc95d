//! A queue, jobs that do as they are told, and a table where their effects are seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use common_clock::SystemClock;
use common_clock::testing::wait_for;
use common_jobs::{EnqueueOptions, Job, JobContext, JobError, Queue, Workers, enqueue};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What a job does before its effect.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Act {
    Succeed,
    /// Fails until the board says that all is well.
    Fail,
    /// Waits until the gate is open.
    Wait,
    /// Never ends.
    Hang,
}

/// What jobs tell the test, and the test the jobs.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    pool: PgPool,
    started: Arc<AtomicUsize>,
    well: Arc<AtomicBool>,
    gate: Arc<Semaphore>,
}

impl Board {
    pub(crate) fn open_gate(&self) {
        self.gate.add_permits(100);
    }

    pub(crate) fn all_is_well(&self) {
        self.well.store(true, Ordering::SeqCst);
    }

    /// Waits until so many attempts have begun.
    pub(crate) async fn begun(&self, attempts: usize) {
        let started = async || {
            let started = self.started.load(Ordering::SeqCst);
            (started >= attempts)
                .then_some(())
                .ok_or(format!("{started}"))
        };
        wait_for(&format!("{attempts} attempts"), started).await;
    }

    async fn act(&self, act: Act) -> Result<(), JobError> {
        self.started.fetch_add(1, Ordering::SeqCst);
        match act {
            Act::Fail if !self.well.load(Ordering::SeqCst) => Err(JobError::failed("told to fail")),
            Act::Succeed | Act::Fail => Ok(()),
            Act::Wait => {
                let permit = self.gate.acquire().await.map_err(JobError::failed)?;
                permit.forget();
                Ok(())
            }
            Act::Hang => std::future::pending().await,
        }
    }

    /// The effect, in one transaction with the end of the job.
    async fn effect(&self, ctx: &JobContext, note: &str) -> Result<(), JobError> {
        let mut tx = common_db::begin(&self.pool).await?;
        sqlx::query("insert into effects (note) values ($1)")
            .bind(note)
            .execute(&mut *tx)
            .await?;
        ctx.finish(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Work that nobody waits for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    note: String,
    act: Act,
}

#[async_trait]
impl Job for Work {
    const NAME: &'static str = "test.work";
    const QUEUE: Queue = Queue::Default;
    const MAX_ATTEMPTS: i16 = 3;
    type State = Board;
    async fn run(self, ctx: JobContext, board: Board) -> Result<(), JobError> {
        board.act(self.act).await?;
        board.effect(&ctx, &self.note).await
    }
}

/// Work that somebody waits for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Quick {
    note: String,
}

#[async_trait]
impl Job for Quick {
    const NAME: &'static str = "test.quick";
    const QUEUE: Queue = Queue::Interactive;
    type State = Board;
    async fn run(self, ctx: JobContext, board: Board) -> Result<(), JobError> {
        board.effect(&ctx, &self.note).await
    }
}

/// A database with the queue in it.
pub(crate) struct World {
    pub(crate) pool: PgPool,
    pub(crate) board: Board,
    pub(crate) soft: CancellationToken,
    pub(crate) hard: CancellationToken,
}

impl World {
    pub(crate) async fn new(pool: &PgPool) -> Self {
        common_jobs::migrate(pool).await.expect("schema gw");
        sqlx::query("create table effects (note text not null)")
            .execute(pool)
            .await
            .expect("a table");
        Self {
            pool: pool.clone(),
            board: board(pool),
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
        }
    }

    /// Enqueues a job for the slow queue.
    pub(crate) async fn enqueue(&self, note: &str, act: Act) {
        let mut conn = self.pool.acquire().await.expect("a connection");
        let work = work(note, act);
        enqueue(&mut conn, &work, EnqueueOptions::default())
            .await
            .expect("enqueued");
    }

    pub(crate) async fn enqueue_quick(&self, note: &str) {
        let mut conn = self.pool.acquire().await.expect("a connection");
        let quick = Quick {
            note: note.to_owned(),
        };
        enqueue(&mut conn, &quick, EnqueueOptions::default())
            .await
            .expect("enqueued");
    }

    /// Serves both queues while the test goes on, then stops in order.
    pub(crate) async fn during(&self, test: impl Future<Output = ()>) {
        let test = async {
            test.await;
            self.soft.cancel();
        };
        let (ended, ()) = tokio::join!(self.serve(), test);
        ended.expect("the workers end in order");
    }

    /// Serves both queues until the tokens say otherwise.
    pub(crate) async fn serve(&self) -> Result<(), JobError> {
        workers(&self.pool, &self.board)
            .run(self.soft.clone(), self.hard.clone())
            .await
    }

    /// The effects so far, in order.
    pub(crate) async fn effects(&self) -> Vec<String> {
        sqlx::query_scalar("select note from effects order by ctid")
            .fetch_all(&self.pool)
            .await
            .expect("effects")
    }

    /// Waits for exactly these effects.
    pub(crate) async fn happened(&self, notes: &[&str]) {
        let seen = async || {
            let seen = self.effects().await;
            (seen == notes).then_some(()).ok_or(format!("{seen:?}"))
        };
        wait_for(&format!("{notes:?}"), seen).await;
    }

    /// Waits until the attempts of all jobs are recorded like this: outcome, and error if there is one.
    pub(crate) async fn recorded(&self, outcomes: &[(&str, Option<&str>)]) {
        let seen = async || {
            let rows: Vec<(Option<String>, Option<String>)> =
                sqlx::query_as("select outcome, error from job_runs order by id")
                    .fetch_all(&self.pool)
                    .await
                    .expect("job_runs");
            let same = rows.len() == outcomes.len()
                && rows.iter().zip(outcomes).all(|((outcome, error), wanted)| {
                    outcome.as_deref() == Some(wanted.0) && error.as_deref() == wanted.1
                });
            same.then_some(()).ok_or(format!("{rows:?}"))
        };
        wait_for(&format!("{outcomes:?}"), seen).await;
    }

    /// Jobs that are in the queue, run or wait.
    pub(crate) async fn queued(&self) -> i64 {
        sqlx::query_scalar("select count(*) from gw._private_jobs")
            .fetch_one(&self.pool)
            .await
            .expect("a count")
    }

    /// Makes every job that waits for its time due now.
    pub(crate) async fn due_now(&self) {
        sqlx::query("update gw._private_jobs set run_at = now() where locked_by is null")
            .execute(&self.pool)
            .await
            .expect("updated");
    }
}

pub(crate) fn work(note: &str, act: Act) -> Work {
    Work {
        note: note.to_owned(),
        act,
    }
}

pub(crate) fn board(pool: &PgPool) -> Board {
    Board {
        pool: pool.clone(),
        started: Arc::default(),
        well: Arc::default(),
        gate: Arc::new(Semaphore::new(0)),
    }
}

/// One job at a time in each queue; jobs of a worker that is silent for a second are taken over.
pub(crate) fn workers(pool: &PgPool, board: &Board) -> Workers {
    Workers::new(pool.clone(), Arc::new(SystemClock))
        .queue(Queue::Default, 1)
        .queue(Queue::Interactive, 1)
        .register::<Work>(board.clone())
        .register::<Quick>(board.clone())
        .stale_after(Duration::from_secs(1))
}
