//! What becomes of tasks whose team is archived.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{team, user};
use crate::world::{World, path};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn tasks_of_an_archived_team_are_nowhere_until_it_is_back(pool: PgPool) {
    let world = World::new(&pool).await;
    let ada = user(&pool).await;
    let ours = team(&pool, &[(ada, "owner")]).await;
    let new = json!({"team_id": ours, "title": "Oil"});
    let task = world.task(ada, new.clone()).await;
    let archive = async |archived: bool| {
        sqlx::query("update teams set is_archived = $1")
            .bind(archived)
            .execute(&pool)
            .await
            .expect("changed");
    };
    archive(true).await;
    let path = path(&task);
    let of_team = format!("/api/v1/tasks?team_id={ours}");
    let history = format!("{path}/history");
    for at in [&path, &of_team, &history] {
        world.get(ada, at).await.refused(404, "not_found");
    }
    assert!(world.get(ada, "/api/v1/tasks").await.rows().is_empty());
    let delete = format!("{path}:archive");
    for (method, at, body) in [
        ("PATCH", path.as_str(), json!({"title": "Fuel"})),
        ("POST", &delete, Value::Null),
        ("POST", "/api/v1/tasks", new),
    ] {
        let refused = world.call(ada, method, at, &[], body).await;
        refused.refused(404, "not_found");
    }
    archive(false).await;
    assert_eq!(world.get(ada, &path).await.data(), &task, "as it was");
}
