//! Pages of a list and their cursors.

use std::collections::HashSet;

use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::{alone, team, user};
use crate::world::World;

const PATH: &str = "/api/v1/tasks";

/// Seven tasks of two teams, some of them of one moment.
async fn seven(world: &World) -> Uuid {
    let ada = user(&world.pool).await;
    let teams = [
        team(&world.pool, &[(ada, "owner")]).await,
        team(&world.pool, &[(ada, "owner")]).await,
    ];
    for at in 0..7 {
        let body = json!({"team_id": teams[at % 2], "title": format!("task {at}")});
        world.task(ada, body).await;
        if at > 3 {
            world.later();
        }
    }
    ada
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn three_pages_lose_and_repeat_nothing(pool: PgPool) {
    let world = World::new(&pool).await;
    let ada = seven(&world).await;
    let whole = world.get(ada, PATH).await;
    assert_eq!(whole.body["meta"]["page"]["next"], Value::Null);
    let (mut rows, mut sizes, mut cursor) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let cursor_part = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let page = world
            .get(ada, &format!("{PATH}?limit=3{cursor_part}"))
            .await;
        let found = page.data().as_array().expect("a list").clone();
        sizes.push(found.len());
        rows.extend(found);
        let Some(next) = page.body["meta"]["page"]["next"].as_str() else {
            break;
        };
        cursor = Some(next.to_owned());
        // What is added meanwhile is newer than the whole list and moves no page.
        if sizes.len() == 1 {
            let team = rows[0]["team_id"].clone();
            world.later();
            world
                .task(ada, json!({"team_id": team, "title": "new"}))
                .await;
        }
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(&json!(rows), whole.data());
    let ids: HashSet<_> = rows.iter().map(|task| task["id"].to_string()).collect();
    assert_eq!(ids.len(), 7);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_cursor_belongs_to_its_list(pool: PgPool) {
    let world = World::new(&pool).await;
    let ada = seven(&world).await;
    let (eve, _) = alone(&pool).await;
    let first = world.get(ada, &format!("{PATH}?limit=2")).await;
    let next = first.body["meta"]["page"]["next"]
        .as_str()
        .expect("it goes on");
    let follow = async |user, query: &str| {
        world
            .get(user, &format!("{PATH}?{query}cursor={next}"))
            .await
    };
    assert_eq!(follow(ada, "limit=5&").await.status, 200, "any size");
    for filter in ["status=todo&", "archived=true&"] {
        follow(ada, filter).await.refused(400, "cursor_mismatch");
    }
    follow(eve, "").await.refused(400, "cursor_mismatch");
    for nonsense in ["x", "AAAA", &next[1..]] {
        let answer = world.get(ada, &format!("{PATH}?cursor={nonsense}")).await;
        answer.refused(400, "cursor_invalid");
    }
}
