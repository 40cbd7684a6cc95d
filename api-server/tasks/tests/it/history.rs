//! `GET /api/v1/tasks/{id}/history`.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{alone, team, user};
use crate::world::{World, path};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn pages_tell_everything_once_newest_first(pool: PgPool) {
    let world = World::new(&pool).await;
    let ben = user(&pool).await;
    let (ada, eve) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "owner"), (ben, "viewer")]).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    for priority in 1..=4 {
        world
            .patch(ada, &task, &[], json!({"priority": priority}))
            .await;
    }
    let own = format!("{}/history", path(&task));
    let whole = world.get(ben, &own).await;
    assert_eq!(whole.status, 200, "{}", whole.body);
    let ids = whole.rows().iter().map(|row| row["id"].as_i64());
    let ids: Vec<i64> = ids.map(|id| id.expect("a number")).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let newest = json!({"id": ids[0], "actor_id": ada, "action": "task.updated", "at": "2026-03-02T09:00:00.123456Z",
        "diff": {"priority": {"before": 3, "after": 4}}});
    assert_eq!(whole.data()[0], newest);
    assert_eq!(whole.data()[4]["action"], "task.created");

    let (mut rows, mut query) = (Vec::new(), "?limit=2".to_owned());
    for size in [2, 2, 1] {
        let page = world.get(ben, &format!("{own}{query}")).await;
        let found = page.data().as_array().expect("a list").clone();
        assert_eq!(found.len(), size);
        rows.extend(found);
        let next = &page.body["meta"]["page"]["next"];
        assert_eq!(next.is_null(), size == 1);
        query = format!("?limit=2&cursor={}", next.as_str().unwrap_or_default());
    }
    assert_eq!(&Value::Array(rows), whole.data());
    world.get(eve, &own).await.refused(404, "not_found");
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_cursor_of_another_task_is_refused(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let body = json!({"team_id": ours, "title": "Oil"});
    let (one, other) = (
        world.task(ada, body.clone()).await,
        world.task(ada, body).await,
    );
    world.patch(ada, &one, &[], json!({"title": "Fuel"})).await;
    let first = world
        .get(ada, &format!("{}/history?limit=1", path(&one)))
        .await;
    let next = first.body["meta"]["page"]["next"]
        .as_str()
        .expect("it goes on");
    let answer = world
        .get(ada, &format!("{}/history?cursor={next}", path(&other)))
        .await;
    answer.refused(400, "cursor_mismatch");
}
