//! Coming back.

use api_server_realtime::Pace;
use sqlx::PgPool;

use crate::rows::{person, team};
use crate::world::World;

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_was_missed_comes_once_and_in_order(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let (ada, eve) = (person(&pool).await, person(&pool).await);
    let (ours, theirs) = (team(&pool, ada).await, team(&pool, eve).await);
    let (mut client, _) = world.join(ada).await;
    world.happen(ours, "seen").await;
    let (title, seen) = client.event().await;
    assert_eq!(title, "seen");
    drop(client);
    for (team, title) in [(ours, "first"), (theirs, "foreign"), (ours, "second")] {
        world.happen(team, title).await;
    }
    let mut client = world.come_back(ada, &seen).await;
    let place = client.expect("hello").await;
    assert_eq!(place, seen, "the greeting does not skip what is to come");
    assert_eq!(client.event().await.0, "first");
    let (title, last) = client.event().await;
    assert_eq!(title, "second");
    world.happen(ours, "live").await;
    assert_eq!(client.event().await.0, "live");

    let mut client = world.come_back(ada, &last).await;
    client.expect("hello").await;
    assert_eq!(client.event().await.0, "live", "and nothing twice");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_place_that_is_not_known_must_be_read_afresh(pool: PgPool) {
    let world = World::new(&pool, Pace::default()).await;
    let ada = person(&pool).await;
    let ours = team(&pool, ada).await;
    world.happen(ours, "old").await;
    let (_client, now) = world.join(ada).await;
    let (epoch, _) = now.split_once(':').expect("epoch and number");
    let ahead = format!("{epoch}:99");
    let mut client = None;
    for stranger in ["other:1", "nonsense", &ahead] {
        let mut back = world.come_back(ada, stranger).await;
        assert_eq!(back.expect("resync").await, now, "{stranger}");
        client = Some(back);
    }
    world.happen(ours, "live").await;
    let mut client = client.expect("the last");
    assert_eq!(client.event().await.0, "live", "and the socket goes on");
}
