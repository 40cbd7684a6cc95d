//! Whose events a socket gets.

use api_server_realtime::Pace;
use common_clock::testing::wait_for;
use sqlx::PgPool;

use crate::rows::{change, join, person, team};
use crate::world::{World, brisk};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_foreign_teams_events_are_not_seen(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let (ada, eve) = (person(&pool).await, person(&pool).await);
    let (ours, theirs) = (team(&pool, ada).await, team(&pool, eve).await);
    let (mut of_ada, start) = world.join(ada).await;
    let (mut of_eve, _) = world.join(eve).await;
    world.happen(theirs, "theirs").await;
    world.happen(ours, "ours").await;
    assert_eq!(of_ada.event().await.0, "ours");
    assert_eq!(of_eve.event().await.0, "theirs");
    let mut back = world.come_back(ada, &start).await;
    back.expect("hello").await;
    assert_eq!(back.event().await.0, "ours", "nor when coming back");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_joins_a_team_sees_it_without_coming_back(pool: PgPool) {
    let world = World::new(&pool, brisk()).await;
    let (ada, eve) = (person(&pool).await, person(&pool).await);
    let theirs = team(&pool, eve).await;
    let (mut client, _) = world.join(ada).await;
    join(&pool, theirs, ada).await;
    // What happened before its rights were looked at was passed over: it is told to read anew.
    client.expect("resync").await;
    world.happen(theirs, "theirs").await;
    assert_eq!(client.event().await.0, "theirs");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_leaves_a_team_sees_it_no_longer(pool: PgPool) {
    let world = World::new(&pool, brisk()).await;
    let ada = person(&pool).await;
    let (ours, own) = (team(&pool, ada).await, team(&pool, ada).await);
    let (client, _) = world.join(ada).await;
    let sql = "delete from memberships where team_id = $1";
    change(&pool, sql, ours).await;
    let client = tokio::sync::Mutex::new(client);
    // Both happen; once rights were looked at again, only the second is seen.
    wait_for("the left team to be silent", async || {
        world.happen(ours, "left").await;
        world.happen(own, "own").await;
        let mut client = client.lock().await;
        match client.event().await.0.as_str() {
            "own" => Ok(()),
            _ => Err(client.event().await.0),
        }
    })
    .await;
}
