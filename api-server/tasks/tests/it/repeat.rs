//! `Idempotency-Key`: sent twice, done once.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{alone, count, team, user};
use crate::world::World;

const PATH: &str = "/api/v1/tasks";
const KEY: &[(&str, &str)] = &[("idempotency-key", "k-1")];

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_second_request_gets_the_first_answer(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let body = json!({"team_id": ours, "title": "Oil"});
    let first = world.call(ada, "POST", PATH, KEY, body.clone()).await;
    world.later();
    let second = world.call(ada, "POST", PATH, KEY, body).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body, second.body);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(second.header("idempotent-replayed"), "true");
    let rows = "select (select count(*) from tasks) + (select count(*) from outbox)";
    assert_eq!(count(&pool, rows).await, 2, "one task, one event");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn two_at_once_make_one_task(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let body = json!({"team_id": ours, "title": "Oil"});
    let (one, other) = tokio::join!(
        world.call(ada, "POST", PATH, KEY, body.clone()),
        world.call(ada, "POST", PATH, KEY, body.clone()),
    );
    assert_eq!((one.status, other.status), (201, 201));
    assert_eq!(one.body, other.body);
    assert_eq!(count(&pool, "select count(*) from tasks").await, 1);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_key_belongs_to_one_body_and_one_user(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "owner"), (ben, "member")]).await;
    let send = async |user, title: &str| {
        let body = json!({"team_id": ours, "title": title});
        world.call(user, "POST", PATH, KEY, body).await
    };
    assert_eq!(send(ada, "Oil").await.status, 201);
    let other = send(ada, "Fuel").await;
    other.refused(422, "idempotency_key_reused");
    assert_eq!(send(ben, "Fuel").await.status, 201, "another user's key");
    assert_eq!(count(&pool, "select count(*) from tasks").await, 2);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_refused_request_leaves_the_key_free(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let eve = user(&pool).await;
    let mut body = json!({"team_id": ours, "title": "Oil", "owner_id": eve});
    let answer = world.call(ada, "POST", PATH, KEY, body.clone()).await;
    answer.refused_field("/owner_id");
    body["owner_id"] = Value::Null;
    assert_eq!(world.call(ada, "POST", PATH, KEY, body).await.status, 201);
    let long = "k".repeat(256);
    let body = json!({"team_id": ours, "title": "Oil"});
    let answer = world
        .call(ada, "POST", PATH, &[("idempotency-key", &long)], body)
        .await;
    answer.refused(400, "idempotency_key_invalid");
}
