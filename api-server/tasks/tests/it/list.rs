//! `GET /api/v1/tasks`: which tasks are in a list.

use common_db::testing::StatementCounter;
use common_http::testing::Answer;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::{alone, team, user};
use crate::world::{World, path};

fn titles(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let rows = answer.data().as_array().expect("a list");
    rows.iter()
        .map(|task| task["title"].as_str().expect("a title"))
        .collect()
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn filters_choose(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "owner"), (ben, "member")]).await;
    let other = team(&pool, &[(ada, "member")]).await;
    let tasks = [
        json!({"team_id": ours, "title": "a", "status": "done", "owner_id": ben}),
        json!({"team_id": ours, "title": "b", "due_at": "2026-03-09T00:00:00Z"}),
        json!({"team_id": ours, "title": "c", "status": "doing", "due_at": "2026-03-10T00:00:00Z"}),
        json!({"team_id": other, "title": "d", "owner_id": ada}),
        json!({"team_id": ours, "title": "e"}),
    ];
    let mut last = json!(null);
    for body in tasks {
        last = world.task(ada, body).await;
        world.later();
    }
    let archive = format!("{}:archive", path(&last));
    let archived = world.call(ada, "POST", &archive, &[], json!(null)).await;
    assert_eq!(archived.status, 200, "{}", archived.body);
    let cases = [
        (String::new(), vec!["d", "c", "b", "a"]),
        (format!("?team_id={ours}"), vec!["c", "b", "a"]),
        ("?status=done".to_owned(), vec!["a"]),
        (format!("?owner_id={ben}"), vec!["a"]),
        ("?due_after=2026-03-10T00:00:00Z".to_owned(), vec!["c"]),
        ("?due_before=2026-03-10T00:00:00Z".to_owned(), vec!["b"]),
        ("?archived=true".to_owned(), vec!["e"]),
        (format!("?status=todo&owner_id={ada}"), vec!["d"]),
        (format!("?team_id={other}&status=done"), vec![]),
        ("?limit=2".to_owned(), vec!["d", "c"]),
    ];
    for (query, expected) in cases {
        let answer = world.get(ada, &format!("/api/v1/tasks{query}")).await;
        assert_eq!(titles(&answer), expected, "{query}");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn other_teams_are_not_listed(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let (eve, _) = alone(&pool).await;
    world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    assert!(titles(&world.get(eve, "/api/v1/tasks").await).is_empty());
    for team in [ours, Uuid::nil()] {
        let answer = world
            .get(eve, &format!("/api/v1/tasks?team_id={team}"))
            .await;
        answer.refused(404, "not_found");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_wrong_query_is_refused(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, _) = alone(&pool).await;
    for (query, named) in [
        ("colour=red", "colour"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("status=later", "status"),
        ("team_id=7", "team_id"),
        ("due_after=tomorrow", "due_after"),
        ("due_before=-5000-01-01T00:00:00Z", "due_before"),
    ] {
        let answer = world.get(ada, &format!("/api/v1/tasks?{query}")).await;
        answer.refused(400, "query_invalid");
        let told = answer.body["error"].to_string();
        assert!(told.contains(named), "{query}: {told}");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn statements_do_not_grow_with_rows(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let counter = StatementCounter::start();
    for query in [
        "?limit=200".to_owned(),
        format!("?limit=200&team_id={ours}"),
    ] {
        let path = format!("/api/v1/tasks{query}");
        let _ = counter.take();
        let rows = titles(&world.get(ada, &path).await).len();
        let few = counter.take();
        for _ in rows..100 {
            world
                .task(ada, json!({"team_id": ours, "title": "Oil"}))
                .await;
        }
        let _ = counter.take();
        assert_eq!(titles(&world.get(ada, &path).await).len(), 100);
        assert_eq!(counter.take(), few, "{query}");
        assert_eq!(few, 2, "rights and rows: {query}");
    }
}
