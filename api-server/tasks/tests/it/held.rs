//! `If-None-Match`: a caller is not sent what it holds.

use common_db::testing::StatementCounter;
use common_http::testing::Answer;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::rows::alone;
use crate::world::{World, path};

async fn ask(world: &World, by: Uuid, path: &str, held: &str) -> Answer {
    let headers = [("if-none-match", held)];
    world.call(by, "GET", path, &headers, Value::Null).await
}

#[track_caller]
fn nothing(answer: &Answer, tag: &str) {
    assert_eq!(answer.status, 304, "{}", answer.body);
    assert_eq!(
        (answer.header("etag"), answer.header("content-type")),
        (tag, "")
    );
    assert!(answer.bytes.is_empty());
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_task_is_sent_to_whoever_does_not_hold_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let path = path(&task);
    let first = world.get(ada, &path).await;
    let tag = first.header("etag");
    let counter = StatementCounter::start();
    for held in [tag, &format!("W/{tag}"), &format!("\"7\", {tag}"), "*"] {
        let _ = counter.take();
        nothing(&ask(&world, ada, &path, held).await, tag);
        assert_eq!(counter.take(), 2, "teams, version");
    }
    // Of another version, of this one in the form of another release, and no tag at all.
    for (held, statements) in [
        ("\"2\"", 3),
        ("\"1\"", 3),
        ("\"1.formerly\"", 3),
        ("\"1", 2),
    ] {
        let _ = counter.take();
        let whole = ask(&world, ada, &path, held).await;
        assert_eq!((whole.status, whole.data()), (200, &task), "{held}");
        assert_eq!(counter.take(), statements, "{held}");
    }

    world.patch(ada, &task, &[], json!({"priority": 1})).await;
    let changed = ask(&world, ada, &path, tag).await;
    assert_eq!((changed.status, changed.version()), (200, "2"));
    let tag = changed.header("etag");
    nothing(&ask(&world, ada, &path, tag).await, tag);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn nobody_learns_by_it_that_a_task_exists(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let (eve, _) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    for held in ["*", "\"1\""] {
        let answer = ask(&world, eve, &path(&task), held).await;
        answer.refused(404, "not_found");
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_page_is_sent_when_a_row_of_it_changed(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let new = json!({"team_id": ours, "title": "Oil"});
    let old = world.task(ada, new.clone()).await;
    world.later();
    let list = "/api/v1/tasks?limit=2";
    let mut met = vec![world.get(ada, list).await.header("etag").to_owned()];
    let counter = StatementCounter::start();
    let archive = format!("{}:archive", path(&old));
    for change in ["none", "change", "new", "another", "archive"] {
        match change {
            "change" => _ = world.patch(ada, &old, &[], json!({"priority": 1})).await,
            "new" | "another" => _ = world.task(ada, new.clone()).await,
            "archive" => _ = world.call(ada, "POST", &archive, &[], Value::Null).await,
            _ => {}
        }
        world.later();
        let held = met.last().map_or("", String::as_str);
        let _ = counter.take();
        let answer = ask(&world, ada, list, held).await;
        assert_eq!(counter.take(), 2, "rights, rows");
        if change == "none" {
            nothing(&answer, held);
            continue;
        }
        assert_eq!(answer.status, 200, "{change}");
        let tag = answer.header("etag").to_owned();
        assert!(
            tag.starts_with("W/\"") && !met.contains(&tag),
            "{change}: {met:?} {tag}"
        );
        met.push(tag);
    }
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn a_history_is_sent_when_it_has_grown(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let history = format!("{}/history", path(&task));
    let first = world.get(ada, &history).await;
    let tag = first.header("etag");
    nothing(&ask(&world, ada, &history, tag).await, tag);
    world.patch(ada, &task, &[], json!({"priority": 1})).await;
    assert_eq!(ask(&world, ada, &history, tag).await.rows().len(), 2);
}
