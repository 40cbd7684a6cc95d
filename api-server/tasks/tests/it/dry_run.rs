//! `?dry_run=true`: everything is looked at, and nothing kept.

use common_db::testing::contents;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{alone, team, user};
use crate::world::{World, path};

const PATH: &str = "/api/v1/tasks?dry_run=true";

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn the_answer_is_the_one_that_would_come_and_no_row_differs(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let path = path(&task);
    let before = contents(&pool).await;
    let cases = [
        (
            "POST",
            PATH.to_owned(),
            json!({"team_id": ours, "title": "Fuel"}),
            json!({"title": "Fuel", "version": 1}),
        ),
        (
            "PATCH",
            format!("{path}?dry_run=true"),
            json!({"status": "done"}),
            json!({"status": "done", "version": 2}),
        ),
        (
            "PATCH",
            format!("{path}?dry_run=true"),
            json!({"title": "Oil"}),
            json!({"title": "Oil", "version": 1}),
        ),
        (
            "POST",
            format!("{path}:archive?dry_run=true"),
            Value::Null,
            json!({"is_archived": true, "version": 2}),
        ),
        (
            "DELETE",
            format!("{path}?dry_run=true"),
            Value::Null,
            json!({"is_archived": true, "version": 2}),
        ),
        (
            "POST",
            format!("{path}:restore?dry_run=true"),
            Value::Null,
            json!({"is_archived": false, "version": 1}),
        ),
    ];
    for (method, path, body, expected) in cases {
        for headers in [&[][..], &[("idempotency-key", "k-1")]] {
            let answer = world.call(ada, method, &path, headers, body.clone()).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            assert_eq!(answer.body["meta"], json!({"dry_run": true}), "{path}");
            assert_eq!(answer.header("etag"), "", "{path}");
            for (field, value) in expected.as_object().expect("an object") {
                assert_eq!(&answer.data()[field], value, "{path}: {field}");
            }
        }
    }
    assert_eq!(contents(&pool).await, before);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_would_be_refused_is_refused(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben, eve) = (user(&pool).await, user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "member"), (ben, "viewer")]).await;
    let new = json!({"team_id": ours, "title": "Oil"});
    let task = world.task(ada, new.clone()).await;
    let path = format!("{}?dry_run=true", path(&task));
    let add = async |user, body| world.call(user, "POST", PATH, &[], body).await;
    add(ben, new.clone()).await.refused(403, "forbidden");
    add(eve, new.clone()).await.refused(404, "not_found");
    add(ada, json!({"team_id": ours, "title": ""}))
        .await
        .refused_field("/title");
    add(
        ada,
        json!({"team_id": ours, "title": "Oil", "owner_id": eve}),
    )
    .await
    .refused_field("/owner_id");
    let stale = [("if-match", "\"7\"")];
    let title = json!({"title": "Fuel"});
    let answer = world.call(ada, "PATCH", &path, &stale, title.clone()).await;
    answer.refused(412, "version_mismatch");

    // What only the database knows.
    sqlx::raw_sql("alter table tasks add check (title <> 'Fuel')")
        .execute(&pool)
        .await
        .expect("a rule");
    let answer = world.call(ada, "PATCH", &path, &[], title).await;
    answer.refused(500, "internal");
}
