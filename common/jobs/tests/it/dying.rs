//! Workers that die in the middle of a job.

use common_clock::testing::wait_for;
use common_jobs::parked;
use sqlx::PgPool;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::world::{Act, Board, World, board, workers};

/// A worker on a runtime of its own: when that goes, nothing of it ends in order, as with kill -9.
struct Mortal {
    runtime: Runtime,
    board: Board,
}

impl Mortal {
    async fn start(world: &World) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        // Connections belong to the runtime that opened them.
        let options = world.pool.connect_options().as_ref().clone();
        let pool = runtime
            .spawn(async move {
                let pool = sqlx::postgres::PgPoolOptions::new().max_connections(8);
                pool.connect_with(options).await.expect("a pool")
            })
            .await
            .expect("a pool");
        let board = board(&pool);
        let serving =
            workers(&pool, &board).run(CancellationToken::new(), CancellationToken::new());
        runtime.spawn(serving);
        Self { runtime, board }
    }

    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn its_job_runs_again_and_has_its_effect_once(pool: PgPool) {
    let world = World::new(&pool).await;
    let mortal = Mortal::start(&world).await;
    world.enqueue("survivor", Act::Wait).await;
    mortal.board.begun(1).await;
    mortal.kill();
    world.board.open_gate();
    world
        .during(async {
            world.happened(&["survivor"]).await;
            let died = ("lost", Some("its worker died"));
            world.recorded(&[died, ("succeeded", None)]).await;
        })
        .await;
    assert_eq!(world.queued().await, 0);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_job_that_kills_its_workers_is_parked_and_its_neighbours_flow(pool: PgPool) {
    let world = World::new(&pool).await;
    world.enqueue("poison", Act::Hang).await;
    for _ in 0..3 {
        let mortal = Mortal::start(&world).await;
        mortal.board.begun(1).await;
        mortal.kill();
    }
    world.enqueue("neighbour", Act::Succeed).await;
    world
        .during(async {
            world.happened(&["neighbour"]).await;
            let list = async || {
                let mut conn = pool.acquire().await.expect("a connection");
                let list = parked::list(&mut conn, 10).await.expect("readable");
                (list.len() == 1).then_some(()).ok_or(format!("{list:?}"))
            };
            wait_for("the parked job", list).await;
        })
        .await;
    let lost: i64 = sqlx::query_scalar("select count(*) from job_runs where outcome = 'lost'")
        .fetch_one(&pool)
        .await
        .expect("a count");
    assert_eq!(lost, 3);
    assert_eq!(world.effects().await, ["neighbour"]);
}
