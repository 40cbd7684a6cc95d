//! The pools that run jobs: one worker per queue, with its own list of jobs and its own concurrency.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc, time::Duration};

use common_clock::SharedClock;
use futures::future::try_join_all;
use graphile_worker::{
    IntoTaskHandlerResult, LocalQueueConfig, RefetchDelayConfig, TaskHandler, WorkerContext,
    WorkerOptions, WorkerRecoveryConfig,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    context::JobContext,
    error::JobError,
    hooks,
    job::{Job, Queue},
    store::migrate::SCHEMA,
    turns::{Turn, Turns},
    waiting::measure,
};

/// Claimed jobs that wait in memory: what has to wait for the sweep when a worker dies.
const CLAIMED: usize = 64;
/// Pause after a look that found less than it could take. Without one the library looks again at once, for ever: each look
/// of an idle worker wakes itself up. A notification of a new job ends the pause.
const PAUSE: Duration = Duration::from_secs(1);
/// Acknowledgements of this long go to the database together.
const ACK_DELAY: Duration = Duration::from_millis(2);
/// Longer than any drain: running jobs are ended by the token `hard`, not by the library.
const GRACE: Duration = Duration::from_hours(24);

type Register =
    Box<dyn FnOnce(WorkerOptions, &CancellationToken, &Arc<Turn>) -> WorkerOptions + Send>;

struct Pool {
    concurrency: usize,
    turn: Arc<Turn>,
    names: Vec<&'static str>,
    register: Vec<Register>,
}

/// The workers of one process. The pool of connections must be larger than the sum of the concurrencies: heartbeats,
/// hooks and LISTEN use it too.
pub struct Workers {
    pool: PgPool,
    clock: SharedClock,
    recovery: WorkerRecoveryConfig,
    queues: BTreeMap<Queue, Pool>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.queues.iter().map(|(queue, pool)| (queue, &pool.names)))
            .finish()
    }
}

impl Workers {
    /// No queue yet.
    #[must_use]
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        // Heartbeat loss, sweep and pick-up together stay below 30 s (R21).
        let recovery = WorkerRecoveryConfig::default()
            .heartbeat_interval(Duration::from_secs(5))
            .sweep_interval(Duration::from_secs(5))
            .sweep_threshold(Duration::from_secs(20))
            .recovery_delay(Duration::ZERO);
        Self {
            pool,
            clock,
            recovery,
            queues: BTreeMap::new(),
        }
    }

    /// Serves a queue with this many jobs at a time.
    #[must_use]
    pub fn queue(mut self, queue: Queue, concurrency: usize) -> Self {
        self.entry(queue).concurrency = concurrency.max(1);
        self
    }

    /// Knows a job. Its queue is served with a concurrency of 1 unless [`Self::queue`] says more.
    #[must_use]
    pub fn register<J: Job>(mut self, state: J::State) -> Self {
        let pool = self.entry(J::QUEUE);
        pool.names.push(J::NAME);
        pool.register.push(Box::new(move |options, hard, turn| {
            options
                .define_job::<Adapter<J>>()
                .add_extension(StateOf::<J> {
                    state,
                    hard: hard.clone(),
                    turn: Arc::clone(turn),
                })
        }));
        self
    }

    /// Takes over the jobs of a worker that has been silent for this long, instead of 20 s. For tests.
    #[must_use]
    pub fn stale_after(mut self, silence: Duration) -> Self {
        self.recovery = self
            .recovery
            .heartbeat_interval(silence / 4)
            .sweep_interval(silence / 4)
            .sweep_threshold(silence);
        self
    }

    fn entry(&mut self, queue: Queue) -> &mut Pool {
        self.queues.entry(queue).or_insert_with(|| Pool {
            concurrency: 1,
            turn: Arc::default(),
            names: Vec::new(),
            register: Vec::new(),
        })
    }

    /// What tells whether the loops of the queues turn, once all jobs are known and these run.
    #[must_use]
    pub fn turns(&self) -> Turns {
        let served = self.queues.values().filter(|jobs| !jobs.names.is_empty());
        Turns::of(served.map(|jobs| (jobs.concurrency, Arc::clone(&jobs.turn))))
    }

    /// Runs until `soft` is cancelled and the running jobs have ended. `hard` ends them: they fail as interrupted and run
    /// again elsewhere. A queue without jobs is not served.
    ///
    /// # Errors
    /// `JobError::Worker` if a queue's worker cannot start or stops by itself; `JobError::Database` if the tables of the queue
    /// are gone.
    pub async fn run(
        self,
        soft: CancellationToken,
        hard: CancellationToken,
    ) -> Result<(), JobError> {
        let Self {
            pool,
            clock,
            recovery,
            queues,
        } = self;
        let serving: Vec<_> = queues
            .into_iter()
            .filter(|(_, jobs)| !jobs.names.is_empty())
            .collect();
        let names: Vec<_> = serving
            .iter()
            .map(|(queue, jobs)| (*queue, jobs.names.clone()))
            .collect();
        let soft = soft.child_token();
        let workers = serving
            .into_iter()
            .map(|(queue, jobs)| serve(queue, jobs, &pool, &clock, &recovery, &soft, &hard));
        let mut workers = Box::pin(try_join_all(workers));
        // On the heap, as the workers are.
        let measured = Box::pin(measure(&pool, &names));
        tokio::select! {
            ended = &mut workers => ended.map(|_| ()),
            gone = measured => {
                // In order: tasks of the library that are left alone would go on looking. What it says of its end is that it
                // could not give jobs back.
                soft.cancel();
                let _ = workers.await;
                Err(gone)
            }
        }
    }
}

async fn serve(
    queue: Queue,
    jobs: Pool,
    pool: &PgPool,
    clock: &SharedClock,
    recovery: &WorkerRecoveryConfig,
    soft: &CancellationToken,
    hard: &CancellationToken,
) -> Result<(), JobError> {
    let options = WorkerOptions::default()
        .schema(SCHEMA)
        .pg_pool(pool.clone())
        .concurrency(jobs.concurrency)
        .local_queue(
            LocalQueueConfig::builder()
                .size(CLAIMED)
                .refetch_delay(
                    RefetchDelayConfig::builder()
                        .duration(PAUSE)
                        .max_abort_threshold(1)
                        .build(),
                )
                .build(),
        )
        .poll_interval(PAUSE)
        .complete_job_batch_delay(ACK_DELAY)
        .worker_recovery(recovery.clone())
        .listen_os_shutdown_signals(false)
        .shutdown_grace_period(GRACE)
        .shutdown_signal(soft.clone().cancelled_owned());
    let options = jobs
        .register
        .into_iter()
        .fold(options, |options, register| {
            register(options, hard, &jobs.turn)
        });
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| JobError::Worker {
        queue: queue.as_str(),
        source,
    };
    let worker = hooks::install(options, pool, queue, clock, &jobs.turn)
        .init()
        .await
        .map_err(|error| failed(error.into()))?;
    tracing::info!(queue = queue.as_str(), jobs = ?jobs.names, concurrency = jobs.concurrency, "serving a queue");
    worker.run().await.map_err(|error| failed(error.into()))
}

/// What an attempt of `J` gets beside its arguments.
struct StateOf<J: Job> {
    state: J::State,
    hard: CancellationToken,
    turn: Arc<Turn>,
}

impl<J: Job> Clone for StateOf<J> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            hard: self.hard.clone(),
            turn: Arc::clone(&self.turn),
        }
    }
}

impl<J: Job> std::fmt::Debug for StateOf<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StateOf({})", J::NAME)
    }
}

/// A job as the library knows it: the same JSON, under the same name.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
struct Adapter<J: Job> {
    job: J,
    #[serde(skip)]
    kind: PhantomData<J>,
}

impl<J: Job> TaskHandler for Adapter<J> {
    const IDENTIFIER: &'static str = J::NAME;

    async fn run(self, ctx: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(StateOf { state, hard, turn }) = ctx.get_ext::<StateOf<J>>().cloned() else {
            return Err(Words(format!("no state is registered for {}", J::NAME)));
        };
        let _at_work = turn.at_work();
        let job = ctx.job();
        let attempt = JobContext {
            job_id: *job.id(),
            attempt: *job.attempts(),
            worker_id: ctx.worker_id().to_owned(),
            locked_at: *job.locked_at(),
        };
        let run = hard.run_until_cancelled(self.job.run(attempt, state)).await;
        run.unwrap_or(Err(JobError::Interrupted))
            .map_err(|error| Words(error.to_string()))
    }
}

/// An error in words. The library keeps what `Debug` writes.
struct Words(String);

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
