//! `Idempotency-Key`: sent twice, done once.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{alone, count, events, hold_outbox, team, user, waits_for_outbox};
use crate::world::{World, path};

const PATH: &str = "/api/v1/tasks";
const KEY: &[(&str, &str)] = &[("idempotency-key", "k-1")];

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn every_change_can_be_sent_again(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let twice = async |method: &str, path: &str, body: Value| {
        let key = format!("{method} {path} {body}");
        let headers = [("idempotency-key", key.as_str())];
        let first = world.call(ada, method, path, &headers, body.clone()).await;
        world.later();
        let second = world.call(ada, method, path, &headers, body).await;
        second.repeats(&first);
        first
    };
    let made = twice("POST", PATH, json!({"team_id": ours, "title": "Oil"})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let task = made.data();
    let path = path(task);
    let changes = [
        ("PATCH", path.clone(), json!({"title": "Fuel"})),
        ("PATCH", path.clone(), json!({"title": " Fuel"})),
        ("POST", format!("{path}:archive"), Value::Null),
        ("POST", format!("{path}:restore"), Value::Null),
        ("DELETE", path.clone(), Value::Null),
    ];
    for (method, path, body) in changes {
        let first = twice(method, &path, body).await;
        assert_eq!(first.status, 200, "{path}: {}", first.body);
    }
    let once = [
        "task.created.v1",
        "task.updated.v1",
        "task.archived.v1",
        "task.restored.v1",
        "task.archived.v1",
    ];
    assert_eq!(events(&pool, task).await, once, "each once");
    assert_eq!(count(&pool, "select count(*) from audit").await, 5);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn two_at_once_make_one_task(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let send = async || {
        let body = json!({"team_id": ours, "title": "Oil"});
        world.call(ada, "POST", PATH, KEY, body).await
    };
    let outbox = hold_outbox(&pool).await;
    let other = async {
        waits_for_outbox(&pool).await;
        let told = send().await;
        outbox.rollback().await.expect("let go");
        told
    };
    let (first, other) = tokio::join!(send(), other);
    assert_eq!(first.status, 201, "{}", first.body);
    other.refused(409, "idempotency_key_in_flight");
    assert_eq!(other.header("retry-after"), "1");
    send().await.repeats(&first);
    assert_eq!(count(&pool, "select count(*) from tasks").await, 1);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_server_that_dies_at_work_leaves_the_key_free(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let send = async || {
        let body = json!({"team_id": ours, "title": "Oil"});
        world.call(ada, "POST", PATH, KEY, body).await
    };
    let outbox = hold_outbox(&pool).await;
    let kill = async {
        let pid = waits_for_outbox(&pool).await;
        sqlx::query("select pg_terminate_backend($1)")
            .bind(pid)
            .execute(&pool)
            .await
            .expect("killed");
        outbox.rollback().await.expect("let go");
    };
    let (first, ()) = tokio::join!(send(), kill);
    first.refused(503, "unavailable");
    let kept = "select (select count(*) from tasks) + (select count(*) from idempotency_keys)";
    assert_eq!(count(&pool, kept).await, 0);
    let second = send().await;
    assert_eq!(
        (second.status, second.header("idempotent-replayed")),
        (201, "")
    );
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
