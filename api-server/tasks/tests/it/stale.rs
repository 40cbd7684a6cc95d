//! `If-Match` with a version that is no more: what is told, and what may be done all the same.

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use common_http::testing::Answer;

use crate::rows::{alone, count, team, user};
use crate::world::{World, path};

/// Two people of one team, and a task of which one has seen the first version.
struct Two {
    world: World,
    ada: Uuid,
    ben: Uuid,
    task: Value,
}

impl Two {
    async fn new(pool: &PgPool) -> Self {
        let world = World::new(pool).await;
        let (ada, ben) = (user(pool).await, user(pool).await);
        let ours = team(pool, &[(ada, "member"), (ben, "member")]).await;
        let task = world
            .task(ada, json!({"team_id": ours, "title": "Oil"}))
            .await;
        world.later();
        Self {
            world,
            ada,
            ben,
            task,
        }
    }

    /// Somebody else changes it.
    async fn meanwhile(&self, body: Value) {
        let answer = self.world.patch(self.ben, &self.task, &[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.world.later();
    }

    /// A change for these versions.
    async fn change(&self, seen: &str, body: Value) -> Answer {
        let headers = [("if-match", seen)];
        self.world.patch(self.ada, &self.task, &headers, body).await
    }

    async fn archive(&self, seen: &str) -> Answer {
        let path = format!("{}:archive", path(&self.task));
        let headers = [("if-match", seen)];
        let body = Value::Null;
        self.world
            .call(self.ada, "POST", &path, &headers, body)
            .await
    }
}

#[track_caller]
fn refused(answer: &Answer, etag: &str) -> (Value, Value) {
    answer.refused(412, "version_mismatch");
    assert_eq!(answer.header("etag"), etag);
    let error = &answer.body["error"];
    (error["errors"].clone(), error["changes"].clone())
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_changed_what_is_told_with_both_values(pool: PgPool) {
    let two = Two::new(&pool).await;
    two.meanwhile(json!({"title": "Fuel", "priority": 3})).await;
    two.meanwhile(json!({"title": "Sand"})).await;
    let answer = two
        .change("\"1\"", json!({"title": "Water", "status": "done"}))
        .await;
    let (errors, changes) = refused(&answer, "\"3\"");
    let both = json!([{"pointer": "/title", "code": "changed", "detail": "was changed since the version that If-Match names"}]);
    assert_eq!(errors, both);
    let all = json!([
        {"pointer": "/priority", "before": 0, "after": 3, "actor_id": two.ben, "at": "2026-03-02T09:00:01.123456Z"},
        {"pointer": "/title", "before": "Oil", "after": "Sand", "actor_id": two.ben, "at": "2026-03-02T09:00:02.123456Z"},
    ]);
    assert_eq!(changes, all);
    let since = two.change("\"2\"", json!({"title": "Water"})).await;
    let (_, changes) = refused(&since, "\"3\"");
    assert_eq!(changes[0]["before"], "Fuel", "what version 2 was");
    assert_eq!(changes[1], Value::Null, "and nothing else");
    let events = "select count(*) from outbox";
    assert_eq!(count(&pool, events).await, 3, "nothing was done");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn changes_of_different_fields_both_stand(pool: PgPool) {
    let two = Two::new(&pool).await;
    two.meanwhile(json!({"title": "Fuel"})).await;
    let answer = two.change("\"1\"", json!({"status": "doing"})).await;
    assert_eq!((answer.status, answer.version()), (200, "3"));
    assert_eq!(answer.data()["title"], "Fuel");
    assert_eq!(answer.data()["status"], "doing");
    // The same request a second time: now its own field has changed.
    let again = two.change("\"1\"", json!({"status": "doing"})).await;
    let (errors, _) = refused(&again, "\"3\"");
    assert_eq!(errors[0]["pointer"], "/status");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_was_changed_and_changed_back_is_as_it_was_seen(pool: PgPool) {
    let two = Two::new(&pool).await;
    two.meanwhile(json!({"title": "Fuel"})).await;
    two.meanwhile(json!({"title": "Oil"})).await;
    let answer = two.change("\"1\"", json!({"title": "Sand"})).await;
    assert_eq!((answer.status, answer.version()), (200, "4"));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_act_on_the_whole_takes_the_version_that_was_seen(pool: PgPool) {
    let two = Two::new(&pool).await;
    two.meanwhile(json!({"title": "Fuel"})).await;
    let answer = two.archive("\"1\"").await;
    let (errors, changes) = refused(&answer, "\"2\"");
    assert_eq!(errors, Value::Null);
    assert_eq!(changes[0]["pointer"], "/title");
    assert_eq!(two.archive("\"2\"").await.status, 200);
    // What could not be done for any version is told first.
    let answer = two.change("\"1\"", json!({"title": "Sand"})).await;
    answer.refused(409, "task_archived");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn any_a_list_and_weak_tags_mean_what_http_says(pool: PgPool) {
    let two = Two::new(&pool).await;
    for (seen, version) in [("*", "2"), ("\"7\", \"2.in-another-form\"", "3")] {
        let title = json!({"title": format!("for {seen}")});
        let answer = two.change(seen, title).await;
        assert_eq!((answer.status, answer.version()), (200, version), "{seen}");
    }
    for seen in ["W/\"3\"", "\"abc\"", "\"9\""] {
        let answer = two.change(seen, json!({"title": "Sand"})).await;
        let told = refused(&answer, "\"3\"");
        assert_eq!(told, (Value::Null, Value::Null), "{seen}");
    }
    let answer = two
        .change("W/\"3\", \"3\"", json!({"title": "Water"}))
        .await;
    assert_eq!((answer.status, answer.version()), (200, "4"));
    let answer = two.change("4", json!({"title": "Sand"})).await;
    answer.refused(400, "etag_invalid");
    // Of a list, the newest version is what the caller saw.
    let answer = two.change("\"1\", \"3\"", json!({"title": "Sand"})).await;
    let (_, changes) = refused(&answer, "\"4\"");
    assert_eq!(changes[0]["before"], "for \"7\", \"2.in-another-form\"");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn where_the_history_does_not_tell_nothing_is_risked(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    // Versions without entries, and so many that they are not looked through.
    for version in [50, 200] {
        sqlx::query("update tasks set version = $1")
            .bind(version)
            .execute(&pool)
            .await
            .expect("another version");
        let headers = [("if-match", "\"1\"")];
        let answer = world
            .patch(ada, &task, &headers, json!({"priority": 1}))
            .await;
        let (errors, changes) = refused(&answer, &format!("\"{version}\""));
        assert_eq!((errors, changes), (Value::Null, Value::Null));
    }
}
