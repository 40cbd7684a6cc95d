//! `:archive`, `:restore` and `DELETE`.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::rows::{alone, events, team, user};
use crate::world::{World, path};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn both_can_be_asked_for_again(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    for (verb, archived, version) in [("archive", true, 2), ("restore", false, 3)] {
        let path = format!("{}:{verb}", path(&task));
        world.later();
        let first = world.call(ada, "POST", &path, &[], json!(null)).await;
        assert_eq!(first.status, 200, "{}", first.body);
        assert_eq!(first.data()["is_archived"], archived);
        assert_eq!(first.version(), version.to_string());
        world.later();
        let again = world.call(ada, "POST", &path, &[], json!(null)).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
    }
    assert_eq!(
        events(&pool, &task).await,
        ["task.created.v1", "task.archived.v1", "task.restored.v1"]
    );
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn to_delete_a_task_is_to_archive_it(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let new = json!({"team_id": ours, "title": "Oil"});
    let (one, other) = (
        world.task(ada, new.clone()).await,
        world.task(ada, new).await,
    );
    let archive = format!("{}:archive", path(&one));
    let archived = world.call(ada, "POST", &archive, &[], json!(null)).await;
    let stale = [("if-match", "\"7\"")];
    let delete = async |headers| {
        let at = path(&other);
        world.call(ada, "DELETE", &at, headers, json!(null)).await
    };
    delete(&stale).await.refused(412, "version_mismatch");
    let deleted = delete(&[]).await;
    assert_eq!(
        (deleted.status, deleted.version()),
        (200, archived.version())
    );
    let shown = |answer: &Value| {
        let mut shown = answer.clone();
        shown["id"] = json!(null);
        shown
    };
    assert_eq!(shown(deleted.data()), shown(archived.data()));
    assert_eq!(events(&pool, &one).await, events(&pool, &other).await);
    let again = delete(&[]).await;
    assert_eq!((again.status, &again.body), (200, &deleted.body));
    let restore = format!("{}:restore", path(&other));
    let restored = world.call(ada, "POST", &restore, &[], json!(null)).await;
    assert_eq!(restored.data()["is_archived"], false);
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn an_archived_task_is_still_shown(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ours) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    let archive = format!("{}:archive", path(&task));
    let archived = world.call(ada, "POST", &archive, &[], json!(null)).await;
    assert_eq!(world.get(ada, &path(&task)).await.data(), archived.data());
}

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn who_may_and_for_which_version(pool: PgPool) {
    let world = World::new(&pool).await;
    let (ada, ben) = (user(&pool).await, user(&pool).await);
    let ours = team(&pool, &[(ada, "member"), (ben, "viewer")]).await;
    let (eve, _) = alone(&pool).await;
    let task = world
        .task(ada, json!({"team_id": ours, "title": "Oil"}))
        .await;
    for verb in ["archive", "restore"] {
        let path = format!("{}:{verb}", path(&task));
        let post =
            async |user, headers| world.call(user, "POST", &path, headers, json!(null)).await;
        post(ben, &[]).await.refused(403, "forbidden");
        post(eve, &[]).await.refused(404, "not_found");
        let stale = post(ada, &[("if-match", "\"7\"")]).await;
        stale.refused(412, "version_mismatch");
        assert_eq!(stale.header("etag"), "\"1\"");
    }
    let path = format!("{}:burn", path(&task));
    let answer = world.call(ada, "POST", &path, &[], json!(null)).await;
    answer.refused(404, "no_such_path");
    assert_eq!(events(&pool, &task).await, ["task.created.v1"]);
}
