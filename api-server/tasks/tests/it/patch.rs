//! `PATCH /api/v1/tasks/{id}`.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{alone, events, team, user};
use crate::world::{World, path};

const DUE: &str = "2026-03-09T10:00:00Z";

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_change_makes_a_version_and_an_event(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    world.later();
    let answer = world
        .patch(
            ada,
            &task,
            &[("if-match", "\"1\"")],
            json!({"status": "done"}),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.version(), "2");
    let after = answer.data();
    assert_eq!(after["status"], "done");
    assert_eq!(after["completed_at"], "2026-03-02T09:00:01.123456Z");
    assert_eq!(after["title"], "Oil");
    assert_eq!(
        world.get(ada, &path(&task)).await.data(),
        after,
        "as it is read"
    );
    assert_eq!(
        events(&pool, &task).await,
        ["task.created.v1", "task.updated.v1"]
    );
    let changed: Value =
        sqlx::query_scalar("select payload->'changed' from outbox order by id desc limit 1")
            .fetch_one(&pool)
            .await
            .expect("an event");
    assert_eq!(changed, json!(["status"]));
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_change_for_an_old_version_tells_the_new_one(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    world.patch(ada, &task, &[], json!({"title": "Fuel"})).await;
    let stale = world
        .patch(
            ada,
            &task,
            &[("if-match", "\"1\"")],
            json!({"title": "Sand"}),
        )
        .await;
    stale.refused(412, "version_mismatch");
    assert_eq!(stale.header("etag"), "\"2\"");
    let detail = stale.body["error"]["detail"].to_string();
    assert!(detail.contains("version 2"), "{detail}");
    let odd = world
        .patch(ada, &task, &[("if-match", "2")], json!({"title": "Sand"}))
        .await;
    odd.refused(400, "etag_invalid");
    assert_eq!(world.get(ada, &path(&task)).await.data()["title"], "Fuel");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn null_empties_and_absence_keeps(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let body = json!({"team_id": ours, "title": "Oil", "owner_id": ada, "due_at": DUE});
    let task = world.task(ada, body).await;
    let patch = async |body| {
        let answer = world.patch(ada, &task, &[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let after = answer.data();
        (after["owner_id"].clone(), after["due_at"].clone())
    };
    assert_eq!(
        patch(json!({"title": "Fuel"})).await,
        (json!(ada), json!(DUE))
    );
    assert_eq!(
        patch(json!({"due_at": null})).await,
        (json!(ada), json!(null))
    );
    assert_eq!(
        patch(json!({"owner_id": null})).await,
        (json!(null), json!(null))
    );
    let both = json!({"owner_id": ada, "due_at": DUE});
    assert_eq!(patch(both).await, (json!(ada), json!(DUE)));
    for field in ["title", "description", "status", "priority"] {
        let answer = world.patch(ada, &task, &[], json!({field: null})).await;
        answer.refused_field(&format!("/{field}"));
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn what_changes_nothing_is_no_change(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let fine = "2026-03-09T10:00:00.123456789Z";
    let body = json!({"team_id": ours, "title": "Oil", "due_at": fine});
    let task = world.task(ada, body).await;
    world.later();
    for same in [
        json!({}),
        json!({"title": " Oil ", "status": "todo", "owner_id": null}),
        json!({"due_at": fine}),
    ] {
        let answer = world.patch(ada, &task, &[], same).await;
        assert_eq!(answer.data(), &task);
        assert_eq!(answer.version(), "1");
    }
    assert_eq!(events(&pool, &task).await, ["task.created.v1"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_may_change_and_what(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "member"), (ben, "viewer")]).await;
    let (eve, _) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let patch = async |user, body| world.patch(user, &task, &[], body).await;
    let fuel = json!({"title": "Fuel"});
    patch(ben, fuel.clone()).await.refused(403, "forbidden");
    patch(eve, fuel).await.refused(404, "not_found");
    let answer = patch(ada, json!({"owner_id": eve})).await;
    answer.refused_field("/owner_id");
    let answer = patch(ada, json!({"team_id": ours})).await;
    assert!(answer.refused_field("/team_id").contains("unknown field"));
    let answer = patch(ada, json!({"title": "two\nlines"})).await;
    answer.refused_field("/title");
    assert_eq!(events(&pool, &task).await, ["task.created.v1"]);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_archived_task_is_not_changed(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let archive = format!("{}:archive", path(&task));
    world.call(ada, "POST", &archive, &[], json!(null)).await;
    let answer = world.patch(ada, &task, &[], json!({"title": "Fuel"})).await;
    answer.refused(409, "task_archived");
}
