//! `GET /api/v1/tasks/{id}`.

use serde_json::json;
use sqlx::PgPool;

use crate::rows::{alone, team, user};
use crate::world::{World, path};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn only_the_team_sees_a_task(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "owner"), (ben, "viewer")]).await;
    let (eve, _) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    assert_eq!(world.get(ben, &path(&task)).await.data(), &task);
    world.get(eve, &path(&task)).await.refused(404, "not_found");
    world
        .get(ada, "/api/v1/tasks/no-such-name")
        .await
        .refused(404, "not_found");
    let answer = world.get(ada, "/api/v1/nothing").await;
    answer.refused(404, "no_such_path");
}
