//! The cache on a real Redis: numbers may be a few seconds old, rights may not.

use common_cache::testing::redis_url;
use common_clock::testing::wait_for;
use common_clock::{Ids as _, SystemIds};
use sqlx::PgPool;

use crate::rows::{change, prepare, task, team, user};
use crate::world::{Settings, token};

#[sqlx::test(migrator = "api_server_schema::MIGRATOR")]
async fn numbers_are_kept_and_rights_are_not(pool: PgPool) {
    prepare(&pool).await;
    let ada = user(&pool).await;
    let ours = team(&pool, ada, &[]).await;
    let url = redis_url();
    let settings = Settings {
        more: format!(
            "[redis]\nurl = {url:?}\nnamespace = \"test-{}\"",
            SystemIds.uuid()
        ),
        ..Settings::of(&pool)
    };
    let role = settings.ready().await;
    let (member, administrator) = (token(ada, false), token(ada, true));
    // Once two answers have one `as_of`, the second came from the cache.
    let kept = wait_for("an answer from the cache", async || {
        let (_, first) = role.summary(ours, Some(&member)).await;
        let (_, second) = role.summary(ours, Some(&member)).await;
        let same = first["data"]["as_of"] == second["data"]["as_of"];
        same.then_some(first).ok_or(second.to_string())
    })
    .await;
    assert_eq!(kept["data"]["total"], 0);

    task(&pool, ours, ada, ("todo", None, false)).await;
    let (_, other) = role.summary(ours, Some(&administrator)).await;
    assert_eq!(
        other["data"]["as_of"], kept["data"]["as_of"],
        "kept by team"
    );
    wait_for("the task to be counted", async || {
        let (_, body) = role.summary(ours, Some(&member)).await;
        (body["data"]["total"] == 1)
            .then_some(())
            .ok_or(body.to_string())
    })
    .await;
    change(&pool, "delete from memberships where user_id = $1", ada).await;
    assert_eq!(role.summary(ours, Some(&member)).await.0, 404);
}
