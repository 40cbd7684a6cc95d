//! `POST /api/v1/tasks`.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::{alone, count, team, user};
use crate::world::World;

const PATH: &str = "/api/v1/tasks";

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_task_comes_with_its_place_and_version(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let body = json!({"team_id": ours, "title": "  Oil the engine ", "priority": 3, "owner_id": ada, "due_at": "2026-03-09T10:00:00+01:00"});
    let answer = world.call(ada, "POST", PATH, &[], body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let task = answer.data();
    assert_eq!(answer.header("location"), crate::world::path(task));
    assert_eq!(answer.version(), "1");
    assert_eq!(task["title"], "Oil the engine");
    assert_eq!(task["status"], "todo");
    assert_eq!(task["due_at"], "2026-03-09T09:00:00Z");
    assert_eq!(task["created_at"], "2026-03-02T09:00:00.123456Z");

    let read = world.get(ada, answer.header("location")).await;
    assert_eq!(read.data(), task, "reading it gives the same");
    assert_eq!(read.header("etag"), answer.header("etag"));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn row_audit_and_event_are_written_together(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let (action, actor, diff, request): (String, Uuid, Value, String) =
        sqlx::query_as("select action, actor, diff, request_id from audit where entity_id = $1")
            .bind(id(&task))
            .fetch_one(&pool)
            .await
            .expect("one audit row");
    assert_eq!((action.as_str(), actor), ("task.created", ada));
    assert_eq!(diff["title"], json!({"before": null, "after": "Oil"}));
    assert!(!request.is_empty(), "the request is named");
    let (topic, kind, version, payload): (String, String, i64, Value) =
        sqlx::query_as("select topic, event_type, version, payload from outbox")
            .fetch_one(&pool)
            .await
            .expect("one event");
    assert_eq!(
        (topic.as_str(), kind.as_str(), version),
        ("task-events", "task.created.v1", 1)
    );
    assert_eq!(payload["task_id"], task["id"]);
    assert_eq!(payload["actor_id"], json!(ada));
    let transactions = "select count(distinct x) from (
        select xmin::text as x from tasks union all select xmin::text from audit union all select xmin::text from outbox) t";
    assert_eq!(count(&pool, transactions).await, 1, "one transaction");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_event_that_cannot_be_kept_leaves_no_task(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    sqlx::raw_sql("alter table outbox add check (event_type <> 'task.created.v1')")
        .execute(&pool)
        .await
        .expect("a fault");
    let body = json!({"team_id": ours, "title": "Oil"});
    let answer = world.call(ada, "POST", PATH, &[], body).await;
    answer.refused(500, "internal");
    assert_eq!(answer.body["error"]["detail"], Value::Null);
    let rows = "select (select count(*) from tasks) + (select count(*) from audit)";
    assert_eq!(count(&pool, rows).await, 0);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_may_add(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben, eve) = (user(&pool).await, user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "member"), (ben, "viewer")]).await;
    let body = json!({"team_id": ours, "title": "Oil"});
    let add = async |user| world.call(user, "POST", PATH, &[], body.clone()).await;
    assert_eq!(add(ada).await.status, 201);
    add(ben).await.refused(403, "forbidden");
    add(eve).await.refused(404, "not_found");
    let nowhere = json!({"team_id": Uuid::nil(), "title": "Oil"});
    let answer = world.call(ada, "POST", PATH, &[], nowhere).await;
    answer.refused(404, "not_found");

    let anonymous = Request::post(PATH)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    let answer = world.send(anonymous.expect("a request")).await;
    answer.refused(401, "unauthorized");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn only_a_member_can_own(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let eve = user(&pool).await;
    let body = json!({"team_id": ours, "title": "Oil", "owner_id": eve});
    let answer = world.call(ada, "POST", PATH, &[], body).await;
    assert_eq!(
        answer.refused_field("/owner_id"),
        "must be a member of the team"
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_wrong_field_is_named(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let cases = [
        (json!({"colour": "red"}), "/colour", "unknown field"),
        (json!({"title": " "}), "/title", "1 to 200 characters"),
        (json!({"title": 7}), "/title", "invalid type"),
        (json!({"priority": 5}), "/priority", "0 (none) to 4"),
        (json!({"status": "later"}), "/status", "`todo`, `doing`"),
        (json!({"status": 7}), "/status", "another type"),
        (json!({"description": "a\u{0}b"}), "/description", "no NUL"),
        (json!({"due_at": "tomorrow"}), "/due_at", "invalid"),
        (
            json!({"due_at": "-5000-01-01T00:00:00Z"}),
            "/due_at",
            "0001 to 9999",
        ),
        (json!({"owner_id": "ada"}), "/owner_id", "UUID"),
    ];
    for (wrong, pointer, allowed) in cases {
        let mut body = json!({"team_id": ours, "title": "Oil"});
        for (name, value) in wrong.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let answer = world.call(ada, "POST", PATH, &[], body).await;
        let detail = answer.refused_field(pointer);
        assert!(detail.contains(allowed), "{pointer}: {detail}");
    }
    let body = json!({"team_id": ours, "title": "", "priority": 9});
    let answer = world.call(ada, "POST", PATH, &[], body).await;
    let all = answer.body["error"]["errors"].as_array().map(Vec::len);
    assert_eq!(all, Some(2), "all at once: {}", answer.body);
    assert_eq!(count(&pool, "select count(*) from tasks").await, 0);
}

fn id(task: &Value) -> Uuid {
    task["id"].as_str().expect("an id").parse().expect("a UUID")
}
