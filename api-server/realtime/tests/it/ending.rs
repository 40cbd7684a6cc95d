//! How sockets end.

use std::time::Duration;

use api_server_realtime::Pace;
use common_clock::testing::wait_for;
use sqlx::PgPool;

use crate::rows::{Person, change, person, team};
use crate::world::{World, brisk};

const LOGOUT: &str = "update sessions set revoked_at = now() where family_id = $1";

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_logout_ends_the_socket(pool: PgPool) {
    let world = World::new(&pool, brisk()).await;
    let (ada, ben) = (person(&pool).await, person(&pool).await);
    let theirs = team(&pool, ben).await;
    let (mut of_ada, _) = world.join(ada).await;
    let (mut of_ben, _) = world.join(ben).await;
    let late = world.ticket(ada).await;
    change(&pool, LOGOUT, ada.session).await;
    assert_eq!(of_ada.close_code().await, 4001);
    let mut after = world.open(&format!("ticket={late}")).await.expect("open");
    assert_eq!(after.close_code().await, 4001, "a ticket from before");
    world.happen(theirs, "theirs").await;
    assert_eq!(of_ben.event().await.0, "theirs", "another's goes on");
}

/// As a forged token would have it, of a key that was stolen.
#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_sign_in_of_another_user_keeps_no_socket(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let (ada, eve) = (person(&pool).await, person(&pool).await);
    let forged = Person {
        id: ada.id,
        session: eve.session,
    };
    let ticket = world.ticket(forged).await;
    let mut socket = world.open(&format!("ticket={ticket}")).await.expect("open");
    assert_eq!(socket.close_code().await, 4001);
    let (_of_eve, _) = world.join(eve).await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_end_of_the_role_is_told_to_every_socket(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let ada = person(&pool).await;
    let (mut one, _) = world.join(ada).await;
    let (mut other, _) = world.join(ada).await;
    world.stop.cancel();
    let told = async { (one.close_code().await, other.close_code().await) };
    let (codes, ()) = tokio::join!(told, world.realtime.clone().drained());
    assert_eq!(codes, (1012, 1012));
    assert_eq!(world.realtime.sockets.len(), 0);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_client_that_does_not_read_is_ended_and_holds_up_nobody(pool: PgPool) {
    let pace = Pace {
        slow: Duration::from_millis(300),
        ..Pace::default()
    };
    let world = World::new(&pool, pace).await;
    let ada = person(&pool).await;
    let ours = team(&pool, ada).await;
    let (_stalled, _) = world.join(ada).await;
    let (mut reading, _) = world.join(ada).await;
    assert_eq!(world.realtime.sockets.len(), 2);
    // More than the buffers of both ends hold.
    let large = "x".repeat(512 * 1024);
    for _ in 0..48 {
        world.happen(ours, &large).await;
        assert_eq!(reading.event().await.0.len(), large.len());
    }
    wait_for("the stalled socket to end", async || {
        let open = world.realtime.sockets.len();
        (open == 1).then_some(()).ok_or(format!("{open} open"))
    })
    .await;
    world.happen(ours, "after").await;
    assert_eq!(reading.event().await.0, "after");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_client_that_does_not_answer_is_ended(pool: PgPool) {
    let pace = Pace {
        silence: Duration::from_millis(200),
        slow: Duration::from_millis(200),
        ..brisk()
    };
    let world = World::new(&pool, pace).await;
    let ada = person(&pool).await;
    let (_silent, _) = world.join(ada).await;
    wait_for("the silent socket to end", async || {
        let open = world.realtime.sockets.len();
        (open == 0).then_some(()).ok_or(format!("{open} open"))
    })
    .await;
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_client_that_leaves_is_forgotten(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let ada = person(&pool).await;
    let (client, _) = world.join(ada).await;
    drop(client);
    wait_for("the socket to end", async || {
        let open = world.realtime.sockets.len();
        (open == 0).then_some(()).ok_or(format!("{open} open"))
    })
    .await;
}
