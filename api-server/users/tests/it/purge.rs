//! Job `users.purge_sessions`.

use api_server_users::jobs::{JobState, PurgeSessions};
use common_clock::SystemClock;
use common_clock::testing::wait_for;
use common_jobs::{EnqueueOptions, Queue, Workers, enqueue, migrate};
use sqlx::PgPool;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use crate::world::{ADMIN, World};

/// Sign-ins that count as ended.
async fn revoked(pool: &PgPool) -> i64 {
    let count = sqlx::query_scalar("select count(*) from revocations");
    count.fetch_one(pool).await.expect("readable")
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_revocation_goes_when_its_tokens_are_over(pool: PgPool) {
    migrate(&pool).await.expect("a queue");
    let world = World::new(&pool).await;
    for _ in 0..2 {
        let (_, token) = world.login(ADMIN).await;
        assert_eq!(world.logout(&token).await.status, 204);
        // The longest life of a token, and the skew of two clocks.
        world.pass(15 * 60 + 2 * 60);
    }
    world.pass(-1);
    assert_eq!(revoked(&pool).await, 2);

    let state = JobState {
        pool: pool.clone(),
        clock: world.clock.clone(),
    };
    let workers = Workers::new(pool.clone(), Arc::new(SystemClock))
        .queue(Queue::Default, 1)
        .register::<PurgeSessions>(state);
    let mut connection = pool.acquire().await.expect("a connection");
    enqueue(
        &mut connection,
        &PurgeSessions {},
        EnqueueOptions::default(),
    )
    .await
    .expect("enqueued");
    let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
    let purged = async {
        wait_for("one to go", async || {
            let left = revoked(&pool).await;
            (left == 1).then_some(()).ok_or(left.to_string())
        })
        .await;
        soft.cancel();
    };
    let (worked, ()) = tokio::join!(workers.run(soft.clone(), hard), purged);
    worked.expect("it worked");
}
