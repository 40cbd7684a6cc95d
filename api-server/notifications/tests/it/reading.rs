//! `GET /api/v1/notifications` and `:read`.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::{given, user};
use crate::world::World;

/// Somebody with seven notifications, the last three of one moment.
async fn seven(world: &World, pool: &PgPool) -> Uuid {
    let (ada, ben) = (user(pool).await, user(pool).await);
    for minute in [0, 1, 2, 3, 4, 4, 4] {
        world.deliver(&given(ada, ben, minute)).await;
    }
    ben
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn pages_lose_and_repeat_nothing(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = seven(&world, &pool).await;
    let whole = world.list(ben, "").await;
    assert_eq!(whole.rows().len(), 7);
    assert_eq!(whole.rows()[6]["title"], "task 0", "the oldest is last");
    assert_eq!(whole.next(), None);
    let (mut rows, mut query) = (Vec::new(), "?limit=3".to_owned());
    for size in [3, 3, 1] {
        let page = world.list(ben, &query).await;
        assert_eq!(page.rows().len(), size);
        rows.extend_from_slice(page.rows());
        assert_eq!(page.next().is_none(), size == 1);
        query = format!("?limit=3&cursor={}", page.next().unwrap_or_default());
    }
    assert_eq!(rows, whole.rows());
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_cursor_belongs_to_its_list_and_caller(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = seven(&world, &pool).await;
    let eve = user(&pool).await;
    let first = world.list(ben, "?limit=2").await;
    let next = first.next().expect("it goes on");
    let other = world
        .list(ben, &format!("?unread=true&cursor={next}"))
        .await;
    other.refused(400, "cursor_mismatch");
    let other = world.list(eve, &format!("?cursor={next}")).await;
    other.refused(400, "cursor_mismatch");
    for query in ["?cursor=x", "?limit=0", "?colour=red"] {
        assert_eq!(world.list(ben, query).await.status, 400, "{query}");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_first_reading_counts(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = seven(&world, &pool).await;
    let unread = world.list(ben, "?limit=1").await;
    let newest = unread.rows()[0].clone();
    let first = world.read(ben, &newest).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert_eq!(first.data()["read_at"], "2026-03-02T09:00:00Z");
    world.later();
    let again = world.read(ben, &newest).await;
    assert_eq!(again.data(), first.data());
    let read = world.list(ben, "?limit=1").await;
    assert_ne!(read.header("etag"), unread.header("etag"));
    assert_eq!(world.list(ben, "?unread=true").await.rows().len(), 6);
    assert_eq!(world.list(ben, "").await.rows().len(), 7);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn nobody_reads_for_somebody_else(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = seven(&world, &pool).await;
    let eve = user(&pool).await;
    let newest = world.list(ben, "?limit=1").await.rows()[0].clone();
    world.read(eve, &newest).await.refused(404, "not_found");
    let nothing = json!({"id": Uuid::nil()});
    world.read(ben, &nothing).await.refused(404, "not_found");
    let after = world.list(ben, "?limit=1").await;
    assert_eq!(after.rows()[0]["read_at"], Value::Null);
    for (method, path) in [
        ("GET", "/api/v1/notifications".to_owned()),
        (
            "POST",
            format!("/api/v1/notifications/{}:read", Uuid::nil()),
        ),
    ] {
        let answer = world.call(None, method, &path).await;
        answer.refused(401, "unauthorized");
    }
}
