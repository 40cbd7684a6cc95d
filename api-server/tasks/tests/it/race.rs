//! Two at once.

use serde_json::json;
use sqlx::PgPool;

use crate::rows::{alone, events};
use crate::world::{World, path};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn of_two_changes_for_one_version_one_wins(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let seen = [("if-match", "\"1\"")];
    let (one, other) = tokio::join!(
        world.patch(ada, &task, &seen, json!({"title": "Fuel"})),
        world.patch(ada, &task, &seen, json!({"title": "Sand"})),
    );
    let (won, lost) = if one.status == 200 {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(won.status, 200, "{}", won.body);
    lost.refused(412, "version_mismatch");
    assert_eq!(lost.header("etag"), "\"2\"");
    assert_eq!(world.get(ada, &path(&task)).await.data(), won.data());
    assert_eq!(
        events(&pool, &task).await,
        ["task.created.v1", "task.updated.v1"]
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn changes_without_a_version_follow_each_other(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let (one, other) = tokio::join!(
        world.patch(ada, &task, &[], json!({"priority": 3})),
        world.patch(ada, &task, &[], json!({"status": "doing"})),
    );
    assert_eq!((one.status, other.status), (200, 200));
    let after = world.get(ada, &path(&task)).await;
    let after = after.data();
    assert_eq!(
        (&after["priority"], &after["status"], &after["version"]),
        (&json!(3), &json!("doing"), &json!(3)),
        "neither is lost"
    );
}
